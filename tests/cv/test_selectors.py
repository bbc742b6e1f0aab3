"""Which analyses a caller sees, and which the filters return."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from cv.engine.types import Category, Estimate
from cv.models import Analysis
from cv.selectors import AnalysisFilter, analyses_of
from cv.services import api_key_create
from cv.trust.caller import Caller
from tests.factories import described, face_result, stored_analysis


def found(caller: Caller, **wanted: object) -> set[str]:
    return {analysis.subject for analysis in analyses_of(caller, AnalysisFilter(**wanted))}  # type: ignore[arg-type]


def test_key_sees_its_own_and_person_sees_those_of_their_keys(user: User) -> None:
    hers, _ = api_key_create("hers", user)
    also_hers, _ = api_key_create("also hers", user)
    nobodys, _ = api_key_create("nobody's")
    stored_analysis(Caller(user=user), subject="page")
    stored_analysis(Caller(user=user, api_key=hers), subject="key")
    stored_analysis(Caller(api_key=nobodys), subject="other")

    assert found(Caller(user=user)) == {"page", "key"}
    assert found(Caller(user=user, api_key=hers)) == {"key"}
    assert found(Caller(user=user, api_key=also_hers)) == set()
    assert found(Caller(api_key=nobodys)) == {"other"}


def test_expired_analyses_are_gone_before_the_purge(caller: Caller) -> None:
    stored_analysis(caller, subject="kept", ttl_days=2)
    gone = stored_analysis(caller, subject="gone", ttl_days=2)
    past = timezone.now() - timedelta(days=3)
    Analysis.objects.filter(pk=gone.pk).update(created_at=past, expires_at=past + timedelta(days=2))
    assert found(caller) == {"kept"}


def test_filters_about_a_face_hold_for_one_and_the_same_face(caller: Caller) -> None:
    man = Category("male", {"female": 0.1, "male": 0.9})
    girl, father = described(age=Estimate(8.0, (5.0, 11.0))), described(age=Estimate(40.0, (30.0, 50.0)), gender=man)
    stored_analysis(caller, girl, face_result(1, attributes=father.attributes), subject="girl and father")
    stored_analysis(caller, described(age=Estimate(9.0, (6.0, 12.0)), gender=man), subject="boy")

    assert found(caller, gender="male") == {"girl and father", "boy"}
    assert found(caller, gender="male", max_age=18.0) == {"boy"}
    assert found(caller, min_age=30.0) == {"girl and father"}
    assert found(caller, subject="boy", gender="female") == set()
    assert found(caller, race="black", expression="happiness") == {"girl and father", "boy"}


def test_created_range_includes_its_start_and_not_its_end(caller: Caller) -> None:
    moment = stored_analysis(caller, subject="x").created_at
    assert found(caller, created_after=moment) == {"x"}
    assert found(caller, created_before=moment) == set()
    assert found(caller, created_before=moment + timedelta(seconds=1)) == {"x"}


def test_a_face_whose_answer_abstained_is_found_by_its_label_only_if_asked(caller: Caller) -> None:
    perhaps_male, perhaps_forty = Category("male", {"female": 0.3, "male": 0.7}), Estimate(40.0, (20.0, 60.0))
    stored_analysis(caller, described(gender=perhaps_male), subject="perhaps a man")
    stored_analysis(caller, described(age=perhaps_forty), subject="perhaps forty")
    male = Category("male", {"female": 0.05, "male": 0.95})
    stored_analysis(caller, described(gender=male, age=Estimate(41.0, (36.0, 46.0))), subject="a man of forty")

    assert found(caller, gender="male") == {"a man of forty"}
    assert found(caller, gender="male", unsure=True) == {"a man of forty", "perhaps a man"}
    assert found(caller, min_age=38.0, max_age=42.0) == {"a man of forty"}
    assert found(caller, min_age=38.0, unsure=True) == {"a man of forty", "perhaps forty"}
    assert found(caller, race="black", unsure=False) == {"perhaps a man", "perhaps forty", "a man of forty"}
