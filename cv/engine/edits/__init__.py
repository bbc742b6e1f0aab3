"""Pictures that go out: what is asked for, what is painted, and how it is encoded."""
