"""What the learner's parts become when they are put together: a recogniser of spoken digits."""
