"""P, QRS and T of each lead: marks, median beat, intervals; exchanged electrodes; the size of the left ventricle."""
