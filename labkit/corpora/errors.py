"""What can go wrong with a corpus."""


class CorpusError(Exception):
    """A corpus cannot be used; the message says why and what to do."""


class CorpusNotFound(CorpusError):
    """The corpus is neither in the cache nor in the mirror."""


class CorpusDamaged(CorpusError):
    """Files of the corpus are not what their checksums promise."""


class DownloadFailed(CorpusError):
    """The network did not deliver; what has arrived is kept and the next attempt goes on from there."""


class UnreadableAudio(CorpusError, ValueError):
    """A file is missing, damaged, empty, or not audio."""
