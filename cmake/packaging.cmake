# Installation. The program finds its libraries relative to itself, so the installed tree can be moved.
