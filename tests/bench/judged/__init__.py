"""The parts of `./run bench accuracy`: what is analysed, how answers are kept, a module for each kind of judging."""
