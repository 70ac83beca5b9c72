"""cached_content: the names of caches, and where prompts that name one go."""

import pytest
from vertexd.v1 import vertexd_pb2

from calls import Batch, fails
from test_failover import TWO, ask, place, requests_at

Request = vertexd_pb2.GenerateRequest

AT_US = "projects/e2e/locations/us/cachedContents/7"
AT_EU = "projects/e2e/locations/eu/cachedContents/7"


@pytest.mark.parametrize("name, location, sent", [
    ("7", "us", AT_US),
    ("cachedContents/7", "us", AT_US),
    ("locations/eu/cachedContents/7", "eu", AT_EU),
    (AT_EU, "eu", AT_EU),
    ("projects/e2e/locations/asia/cachedContents/7", "us",
     "projects/e2e/locations/asia/cachedContents/7"),
])
def test_name_of_a_cache__two_locations__goes_where_the_cache_is(
        emulator, start, name, location, sent):
    _, stub = start(*TWO)
    answer = ask(stub, cached_content=name)
    assert answer.serving.location == location
    assert emulator.only_request().body["cachedContent"] == sent


def test_cache_of_the_defaults__batch__all_at_its_place(emulator, start):
    _, stub = start(*TWO)
    batch = Batch(stub.BatchGenerate(vertexd_pb2.BatchGenerateRequest(
        prompts=["a", "b", "c"], defaults=Request(cached_content=AT_EU))))
    assert {r.response.serving.location for r in batch.results} == {"eu"}
    assert {r.body["cachedContent"] for r in emulator.requests(3)} == {AT_EU}


def test_place_of_the_cache_fails__no_other_is_asked(emulator, start):
    place(emulator, "location=us", fault="http_503")
    _, stub = start(*TWO)
    with fails("UNAVAILABLE"):
        ask(stub, cached_content="7")
    assert requests_at(emulator, "us") > 1
    assert requests_at(emulator, "eu") == 0
    assert ask(stub).serving.location == "eu"


def test_model_at_home__short_name__is_of_its_place(emulator, start):
    _, stub = start(*TWO)
    ask(stub, cached_content="7",
        model="projects/e2e/locations/eu/publishers/google/models/m")
    assert emulator.only_request().body["cachedContent"] == AT_EU
