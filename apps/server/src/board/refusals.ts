/**
 * What may be done on the board. Reading is free; the writes named here are an operator's own verbs; everything else
 * that Bull Board can do, now or in a later version, is refused with the sentence of its kind. Pure.
 */

const kept = new Set([
  'put /api/queues/:queueName/:jobId/retry',
  'put /api/queues/:queueName/retry/:queueStatus',
  'put /api/queues/:queueName/pause',
  'put /api/queues/:queueName/resume',
  'put /api/queues/pause',
  'put /api/queues/resume',
]);

const removing =
  'Tickets are not removed by hand: Postgres knows what is due and would issue them again. To stop work, cancel its task or run (`reelfleet cancel`); ended tickets go by themselves.';
const sentences: readonly (readonly [RegExp, string])[] = [
  [/\/(clean|empty|obliterate)(\/|$)/, removing],
  [
    /\/promote$/,
    'Tickets are not promoted: one is issued at the moment its task is due. `reelfleet why TASK` says what a task waits for.',
  ],
  [/\/add$/, 'Tickets are not added by hand: without a task they mean nothing. Enqueue a run (`reelfleet enqueue`).'],
  [
    /\/(update-data|delay|priority|remove-unprocessed-children)$/,
    'Tickets are not edited: they only name a task and its version. Retry or cancel the task instead.',
  ],
  [
    /\/(concurrency|rate-limit)(\/|$)/,
    'How much runs at once is a setting of each worker (REELFLEET_CONCURRENCY); to stop a stage, pause it.',
  ],
  [/\/job-schedulers\//, 'Reelfleet has no schedules in its queues.'],
];

/** Why a route of Bull Board's API is not served, or null when it is. */
export function refusalOf(method: string, route: string): string | null {
  const verb = method.toLowerCase();
  if (verb === 'get' || verb === 'head' || kept.has(`${verb} ${route}`)) return null;
  return sentences.find(([pattern]) => pattern.test(route))?.[1] ?? 'Reelfleet does not do this from the board.';
}
