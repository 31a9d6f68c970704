"""Makes this folder an nbgrader course: `source/` is built from `solutions/`, the release is `phases/`."""

import os
import sys

c = get_config()

# nbgrader starts `alembic` by name when it makes a gradebook: found also when .venv is not activated
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")

root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.root = root
c.CourseDirectory.course_id = "speechlab"
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "phases"

c.ClearSolutions.code_stub = {"python": "# Write your code here.\nraise NotImplementedError()"}

# The learner's parts are graded by speechlab in a process of their own; the notebook is not executed.
c.Autograde.exporter_class = "autograder.nbgrader.SubmissionExporter"
c.Autograde.sanitize_preprocessors = [
    "autograder.nbgrader.RestorePage",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader.GradeParts",
    "autograder.nbgrader.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Written answers are shown without anything that a browser would run. Faults and flags are shown in
# formgrader only, never in the student's feedback.
c.HTMLExporter.filters = {"markdown2html": "autograder.formgrader.safe_markdown"}
c.HTMLExporter.preprocessors = ["autograder.formgrader.InstructorView"]
