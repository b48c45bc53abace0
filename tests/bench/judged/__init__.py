"""The parts of `./run bench accuracy`: what is analysed, how the answers are kept, and one module for each kind of judging."""
