/**
 * What the server knows of the fleet, as metrics: their names, labels and meanings. Those of the workers are in
 * packages/fleet/src/metrics.ts; the dashboard, the alerts and docs/operations.md may use these and those only.
 */
import { buildMetric, type MetricDefinition } from '@reelfleet/fleet';

export const serverMetrics = {
  build: buildMetric,
  databaseUp: {
    name: 'reelfleet_database_up',
    type: 'gauge',
    labels: [],
    help: '1 when the database answered this scrape; with 0 everything that is asked of it is missing rather than old',
  },
  tasks: {
    name: 'reelfleet_tasks',
    type: 'gauge',
    labels: ['stage', 'status'],
    help: 'Tasks by stage and status; failed are the dead letters',
  },
  runs: { name: 'reelfleet_runs', type: 'gauge', labels: ['status'], help: 'Runs by status' },
  queueDepth: {
    name: 'reelfleet_queue_depth',
    type: 'gauge',
    labels: ['stage'],
    help: 'Queued tasks that may start now; those that wait for a backoff are not among them',
  },
  queueOldest: {
    name: 'reelfleet_queue_oldest_age_seconds',
    type: 'gauge',
    labels: ['stage'],
    help: 'How long the task that waits longest could have been started; 0 when none waits',
  },
  workers: {
    name: 'reelfleet_workers',
    type: 'gauge',
    labels: ['status'],
    help: 'Workers that have not left: active, draining, disabled, or silent (no beat for REELFLEET_OFFLINE_MS)',
  },
  stageWorkers: {
    name: 'reelfleet_stage_workers',
    type: 'gauge',
    labels: ['stage'],
    help: 'Active workers that serve a stage',
  },
  stagePaused: {
    name: 'reelfleet_stage_paused',
    type: 'gauge',
    labels: ['stage'],
    help: '1 while an operator has paused the stage',
  },
  beatAge: {
    name: 'reelfleet_worker_beat_age_seconds',
    type: 'gauge',
    labels: ['worker', 'worker_id'],
    help: 'Since the last beat of a worker that has not left',
  },
  workerInfo: {
    name: 'reelfleet_worker_info',
    type: 'gauge',
    labels: ['worker', 'worker_id', 'host'],
    help: 'Always 1; the host of a worker that has not left',
  },
  storageFree: {
    name: 'reelfleet_storage_free_bytes',
    type: 'gauge',
    labels: [],
    help: 'Free space where a file: store lies, as the server sees it; missing for other stores',
  },
  surveyAge: {
    name: 'reelfleet_survey_age_seconds',
    type: 'gauge',
    labels: ['survey'],
    help: 'How old the counts of tasks are: backlog (queued, running, failed, depth and oldest), history (all others, and runs)',
  },
  surveyDuration: {
    name: 'reelfleet_survey_duration_seconds',
    type: 'gauge',
    labels: ['survey'],
    help: 'How long the database took for those counts; they rest nineteen times as long before they are made again',
  },
} as const satisfies Record<string, MetricDefinition>;
