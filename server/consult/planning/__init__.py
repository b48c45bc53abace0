"""Time and people of consultations: experts' hours, slots that are booked, the waiting list, visiting clinics."""
