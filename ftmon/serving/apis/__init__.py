"""The APIs that a job is served over, each an `Api` in a module of its own."""

from collections.abc import Mapping

from ftmon.serving.api import Api
from ftmon.serving.apis.fine_tunes import FINE_TUNES
from ftmon.serving.apis.fine_tuning_jobs import FINE_TUNING_JOBS
from ftmon.serving.apis.hugging_face_jobs import HUGGING_FACE_JOBS
from ftmon.serving.apis.mistral import MISTRAL
from ftmon.serving.apis.together import TOGETHER

APIS: Mapping[str, Api] = {
    api.name: api for api in (FINE_TUNES, FINE_TUNING_JOBS, TOGETHER, MISTRAL, HUGGING_FACE_JOBS)
}
"""By name."""
