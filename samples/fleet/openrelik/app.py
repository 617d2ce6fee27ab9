"""The Celery application of the worker, as OpenRelik starts it: celery --app=src.tasks worker -Q openrelik-worker-etwkit."""

import os

from celery.app import Celery

REDIS_URL = os.getenv("REDIS_URL") or "redis://localhost:6379/0"
celery = Celery(broker=REDIS_URL, backend=REDIS_URL, include=["src.tasks"])
# A worker that is killed leaves its task to another one.
celery.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, worker_prefetch_multiplier=1)
