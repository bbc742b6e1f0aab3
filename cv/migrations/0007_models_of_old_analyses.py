"""Notes for every old analysis which model was asked about it; how long that took is not known."""

from django.db import migrations

# One statement in the database, however many rows: portable SQL, and no ORM that would read them all.
COPY = """
    INSERT INTO cv_analysismodel (analysis_id, name, version, sha256, ms)
    SELECT id, model_name, model_version, model_sha256, NULL FROM cv_analysis
"""


class Migration(migrations.Migration):
    dependencies = [
        ("cv", "0006_answers"),
    ]

    operations = [
        migrations.RunSQL(COPY, "DELETE FROM cv_analysismodel"),
    ]
