"""Errors that are shown to people as one sentence."""


class SpeechlabError(Exception):
    """Something a person can mend; the message says what and where."""


class CourseError(SpeechlabError):
    """The course folder, or a lab in it, is not as it should be."""


class NotebookError(SpeechlabError):
    """A notebook cannot be read as a submission of its lab."""


class GradingError(SpeechlabError):
    """Grading itself failed: never the learner's fault, never turned into marks."""
