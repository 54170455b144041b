/** From what the database says to samples: pure. */
import { taskStatuses } from '@reelfleet/core';
import type { BacklogCount, HistoryCounts, PresentWorker } from '@reelfleet/db';
import { type Family, type MetricDefinition, workerGauges } from '@reelfleet/fleet';
import { serverMetrics as m } from './definitions.ts';

const family = <D extends MetricDefinition>(
  definition: D,
  samples: readonly (readonly [labels: Readonly<Record<D['labels'][number], string>>, value: number])[],
): Family => ({ definition, samples: samples.map(([labels, value]) => ({ labels, value })) });

/** A metric without labels. */
export const single = (definition: MetricDefinition, value: number): Family => ({
  definition,
  samples: [{ labels: {}, value }],
});

export const buildInfo = (version: string, schema: string): Family =>
  family(m.build, [[{ component: 'server', version, schema, node: process.version }, 1]]);

/** `stages` have their series from the start, so that an alert sees the first task of each. */
export function taskFamilies(
  stages: readonly string[],
  backlog: readonly BacklogCount[] | null,
  history: HistoryCounts | null,
): Family[] {
  if (!backlog) return [];
  const named = [...new Set([...stages, ...backlog.map((row) => row.stage)])];
  const fresh = new Map(backlog.map((row) => [`${row.status} ${row.stage}`, row]));
  const counted = (['queued', 'running', 'failed'] as const).flatMap((status) =>
    named.map((stage) => [{ stage, status }, fresh.get(`${status} ${stage}`)?.n ?? 0] as const),
  );
  const others = new Set<string>(taskStatuses.filter((status) => !['queued', 'running', 'failed'].includes(status)));
  const older = (history?.tasks ?? [])
    .filter(({ status }) => others.has(status))
    .map(({ stage, status, n }) => [{ stage, status }, n] as const);
  const queued = (of: (row: BacklogCount) => number) =>
    named.map((stage) => {
      const row = fresh.get(`queued ${stage}`);
      return [{ stage }, row ? of(row) : 0] as const;
    });
  return [
    family(m.tasks, [...counted, ...older]),
    ...(history
      ? [
          family(
            m.runs,
            history.runs.map(({ status, n }) => [{ status }, n] as const),
          ),
        ]
      : []),
    family(
      m.queueDepth,
      queued((row) => row.due),
    ),
    family(
      m.queueOldest,
      queued((row) => row.oldest ?? 0),
    ),
  ];
}

export function workerFamilies(stages: readonly string[], present: readonly PresentWorker[]): Family[] {
  const alive = present.filter((worker) => !worker.silent);
  const statusOf = (worker: PresentWorker) =>
    worker.silent && worker.status !== 'disabled' ? 'silent' : worker.status;
  const counted = (['active', 'draining', 'disabled', 'silent'] as const).map(
    (status) => [{ status }, present.filter((worker) => statusOf(worker) === status).length] as const,
  );
  const active = alive.filter((worker) => worker.status === 'active');
  const named = [...new Set([...stages, ...active.flatMap((worker) => worker.stages)])];
  const of = (worker: PresentWorker) => ({ worker: worker.name, worker_id: worker.id });
  return [
    family(m.workers, counted),
    family(
      m.stageWorkers,
      named.map((stage) => [{ stage }, active.filter((worker) => worker.stages.includes(stage)).length] as const),
    ),
    // A disabled row may be that of a process long gone; a silent one has not been missed yet.
    family(
      m.beatAge,
      present
        .filter((worker) => !worker.silent || worker.status !== 'disabled')
        .map((worker) => [of(worker), worker.beatAge ?? 0] as const),
    ),
    family(
      m.workerInfo,
      alive.map((worker) => [{ ...of(worker), host: worker.host ?? '' }, 1] as const),
    ),
    ...Object.entries(workerGauges).map(([key, definition]) =>
      family(
        definition,
        alive.flatMap((worker) => {
          const value = worker.gauges[key];
          return typeof value === 'number' ? [[of(worker), value] as const] : [];
        }),
      ),
    ),
  ];
}

export const stageFamilies = (stages: readonly string[], paused: readonly string[]): Family[] => [
  family(
    m.stagePaused,
    [...new Set([...stages, ...paused])].map((stage) => [{ stage }, paused.includes(stage) ? 1 : 0] as const),
  ),
];

/** Age and cost of the surveys that have been made. */
export const surveyFamilies = (
  surveys: Readonly<Record<string, { ageSeconds: number; durationSeconds: number } | null>>,
): Family[] => {
  const made = Object.entries(surveys).flatMap(([survey, read]) => (read ? [{ survey, ...read }] : []));
  return [
    family(
      m.surveyAge,
      made.map(({ survey, ageSeconds }) => [{ survey }, ageSeconds] as const),
    ),
    family(
      m.surveyDuration,
      made.map(({ survey, durationSeconds }) => [{ survey }, durationSeconds] as const),
    ),
  ];
};
