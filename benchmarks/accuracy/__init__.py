"""Compares the accuracy of XCloud's answers with that of other packages, on the same labelled pictures."""
