"""Short names for what tests do all the time."""

import contextlib

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

DETAILS = (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest,
           error_details_pb2.RetryInfo, error_details_pb2.QuotaFailure)


class Failure:
    """What a call failed with, filled in when it has."""
    code = None
    message = ""
    reason = ""
    domain = ""
    fields = ()
    metadata = {}
    retry_after = None

    def take(self, error):
        self.error = error
        self.code = error.code()
        self.message = error.details()
        status = rpc_status.from_call(error)
        for packed in status.details if status else ():
            for kind in DETAILS:
                if packed.Is(kind.DESCRIPTOR):
                    detail = kind()
                    packed.Unpack(detail)
                    self._note(detail)

    def _note(self, detail):
        if isinstance(detail, error_details_pb2.ErrorInfo):
            self.reason = detail.reason
            self.domain = detail.domain
            self.metadata = dict(detail.metadata)
        elif isinstance(detail, error_details_pb2.BadRequest):
            self.fields = tuple(v.field for v in detail.field_violations)
        elif isinstance(detail, error_details_pb2.RetryInfo):
            self.retry_after = detail.retry_delay.ToTimedelta()


@contextlib.contextmanager
def fails(code, reason=None, field=None):
    """The block must fail with that code, and with reason and field if given.
    """
    failure = Failure()
    with pytest.raises(grpc.RpcError) as caught:
        yield failure
    failure.take(caught.value)
    said = f"{failure.code} {failure.reason} {failure.fields}: " \
        f"{failure.message}"
    assert failure.code == getattr(grpc.StatusCode, code), said
    assert reason is None or failure.reason == reason, said
    assert field is None or field in failure.fields, said


class Batch:
    """A batch (or streamed map), read to its end."""

    def __init__(self, call):
        self.results, self.progress, self.events = [], [], []
        self.summary = None
        for message in call:
            event = message.WhichOneof("event")
            self.events.append(event)
            assert self.summary is None, "nothing may follow the summary"
            if event == "result":
                self.results.append(message.result)
            elif event == "progress":
                self.progress.append(message.progress)
            elif event == "summary":
                self.summary = message.summary
        self.code = call.code() if hasattr(call, "code") else None
        self._check()

    def _check(self):
        """What holds for every batch that ends with OK."""
        check_results(self.results, self.summary)

    @property
    def indexes(self):
        return [r.index for r in self.results]

    @property
    def texts(self):
        return [r.response.text if r.HasField("response") else None
                for r in self.by_index]

    @property
    def codes(self):
        """Names of the codes, in the order of the items."""
        return [code_name(r) for r in self.by_index]

    @property
    def reasons(self):
        return [r.error.reason for r in self.by_index]

    @property
    def by_index(self):
        return sorted(self.results, key=lambda r: r.index)


def code_name(result):
    if result.HasField("response"):
        return "OK"
    return type(result.error).Code.Name(result.error.code)


def check_results(results, summary):
    assert summary is not None
    assert sorted(r.index for r in results) == list(range(len(results)))
    for result in results:
        assert result.HasField("index")
        assert result.WhichOneof("outcome") in ("response", "error")
        if result.HasField("error"):
            assert result.error.code != 0 and result.error.reason
    failed = sum(r.HasField("error") for r in results)
    assert summary.total == len(results)
    assert summary.failed == failed
    assert summary.succeeded == len(results) - failed
    assert sum(f.count for f in summary.failures) == failed
    assert summary.max_concurrency > 0
