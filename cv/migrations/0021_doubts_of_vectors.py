from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cv", "0020_videos")]

    operations = [migrations.AddField("facevector", "doubts", models.JSONField(null=True))]
