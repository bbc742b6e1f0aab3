from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cv", "0021_doubts_of_vectors")]

    operations = [
        migrations.AddField("erasure", "group_memberships", models.PositiveIntegerField(default=0)),
        migrations.AddField("erasure", "negatives", models.PositiveIntegerField(default=0)),
    ]
