"""The untrusted process: learner's code runs there, and only data comes back.

`wire` turns values into bytes, `peer` asks and answers over a socket, `worker` is what runs in the
child, `forkserver` makes children quickly, `client` is what grading talks to.
"""
