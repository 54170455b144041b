/**
 * Why a task is not further than it is, as sentences, the first being the answer. Pure: facts in, sentences out; all
 * times are told by the database's clock.
 */
import type { TaskRecord, WorkerRecord } from '@reelfleet/db';

export interface WaitFacts {
  now: Date;
  task: TaskRecord;
  needs: readonly { key: string; kind: string; status: string; progressPercent: number }[];
  pause: { pausedAt: Date | null; pausedBy: string | null; reason: string | null } | null;
  workers: readonly Pick<WorkerRecord, 'name' | 'status' | 'stages' | 'tasks'>[];
  runCancelled: { at: Date; by: string | null } | null;
  /** Tickets of its stage to be taken first. */
  ahead: number;
  /** Whether the queue still holds its ticket; null: the queue was not asked or did not answer. */
  ticketHeld: boolean | null;
  /** How people name the task in a command. */
  ref: string;
}

export function explainWait(facts: WaitFacts): string[] {
  const { task } = facts;
  switch (task.status) {
    case 'blocked':
      return [...openNeeds(facts), ...cancelled(facts)];
    case 'queued':
      return queued(facts);
    case 'running':
      return running(facts);
    case 'waiting':
      return [
        'it is parked: it waits for a person or an outside event to resolve it, and no worker is bound by it',
        ...(task.lastError ? [`it was parked with the words: ${firstLine(task.lastError)}`] : []),
      ];
    case 'completed':
      return [
        `it waits for nothing: it completed ${when(facts, task.completedAt)}${by(task.workerName)}, at attempt ${task.attemptNumber}`,
      ];
    case 'failed':
      return [
        `it failed ${when(facts, task.completedAt)}${by(task.workerName)}: ${task.lastError ? firstLine(task.lastError) : 'no reason was kept'}`,
        `${budget(task)}; \`reelfleet retry ${facts.ref}\` tries again`,
      ];
    case 'cancelled':
      return [
        `it was cancelled ${when(facts, task.completedAt)} by ${task.cancelRequestedBy ?? task.updatedBy ?? 'an operator'}; \`reelfleet retry ${facts.ref}\` brings it back`,
      ];
    case 'skipped': {
      const culprits = facts.needs.filter(
        (need) => need.kind === 'hard' && ['failed', 'cancelled', 'skipped'].includes(need.status),
      );
      return culprits.length > 0
        ? [
            `it was skipped, because ${list(culprits.map((need) => `${need.key} ${was(need.status)}`))} before it`,
            'retrying what failed brings it back too',
          ]
        : ['it was skipped: its pipeline decided that this run does not need it'];
    }
    default:
      return task.status satisfies never;
  }
}

function openNeeds({ needs }: WaitFacts): string[] {
  const open = needs.filter(
    (need) =>
      !(
        need.status === 'completed' ||
        need.status === 'skipped' ||
        (need.kind === 'soft' && ['failed', 'cancelled'].includes(need.status))
      ),
  );
  if (open.length === 0) return ['everything it needs is done: it becomes due in a moment'];
  const told = open.map(
    (need) => `${need.key} (${need.status}${need.status === 'running' ? `, ${need.progressPercent} %` : ''})`,
  );
  const done = needs.length - open.length;
  return [`it waits for ${list(told)}${done > 0 ? `; ${done} of its ${needs.length} needs are met` : ''}`];
}

function queued(facts: WaitFacts): string[] {
  const { task, now, pause, workers } = facts;
  const reasons: string[] = [];
  if (pause?.pausedAt) {
    reasons.push(
      `stage ${task.stage} is paused by ${pause.pausedBy ?? 'an operator'} ${since(facts, pause.pausedAt)}${pause.reason ? ` (${pause.reason})` : ''}: \`reelfleet resume ${task.stage}\` lifts it`,
    );
  }
  const backingOff = task.runAfter !== null && task.runAfter > now;
  if (backingOff) {
    const cause =
      task.errorCode === 'rate-limited'
        ? 'its provider asked for patience'
        : task.errorCode === 'not-yet'
          ? 'it waits until other work on its video has stopped'
          : task.failures > 0
            ? `it backs off after failure ${task.failures} of ${task.maxAttempts}`
            : 'it is not due yet';
    reasons.push(
      `${cause}: due ${when(facts, task.runAfter)}${task.lastError ? `; the last error was: ${firstLine(task.lastError)}` : ''}`,
    );
  }
  const alive = workers.filter((worker) => worker.status === 'active');
  const serving = alive.filter((worker) => worker.stages.includes(task.stage));
  if (serving.length === 0) reasons.push(nobody(facts, alive));
  if (task.dispatchedAt === null) {
    if (reasons.length === 0)
      reasons.push(
        `it has no ticket yet: the next sweep issues one${alive.length === 0 ? ', but no worker is alive to sweep' : ''}`,
      );
  } else if (facts.ticketHeld === false) {
    reasons.push(
      `its ticket of ${iso(task.dispatchedAt)} is gone from the queue: the sweep finds that out and issues another`,
    );
  } else if (!backingOff && !pause?.pausedAt) {
    const line = facts.ahead === 0 ? 'next' : `behind ${facts.ahead} other${facts.ahead === 1 ? '' : 's'}`;
    const busy =
      serving.length > 0
        ? `; ${serving.length === 1 ? 'one worker serves' : `${serving.length} workers serve`} the stage: ${list(serving.map(load))}`
        : '';
    reasons.push(`its ticket waits in queue ${task.stage}, ${line}${busy}`);
  }
  return [...cancelled(facts), ...reasons];
}

function nobody({ task, workers }: WaitFacts, alive: WaitFacts['workers']): string {
  const resting = workers.filter(
    (worker) => worker.stages.includes(task.stage) && worker.status !== 'offline' && worker.status !== 'active',
  );
  const why =
    resting.length > 0 ? ` (${list(resting.map((worker) => `${worker.name ?? 'one'} is ${worker.status}`))})` : '';
  const others =
    alive.length === 0
      ? 'no worker is alive at all'
      : list(alive.map((worker) => `${worker.name ?? 'one'} serves ${worker.stages.join(', ') || 'nothing'}`));
  return `no worker serves stage ${task.stage}${why}: ${others}; start one with \`reelfleet worker --stages ${task.stage}\``;
}

function running(facts: WaitFacts): string[] {
  const { task, now } = facts;
  const expires = task.claimExpiresAt;
  const beat = task.workerLastHeartbeat === null ? '' : `, last beat ${when(facts, task.workerLastHeartbeat)}`;
  const sentences =
    expires !== null && expires < now
      ? [
          `worker ${task.workerName ?? 'unknown'} held its lease until ${iso(expires)} and has not renewed it${beat}: the next sweep gives it back`,
        ]
      : [
          `worker ${task.workerName ?? 'unknown'} holds it under a lease until ${expires ? iso(expires) : 'now'}${beat}`,
        ];
  if (task.cancelRequestedAt)
    sentences.push(
      `${task.cancelRequestedBy ?? 'an operator'} asked to cancel it ${when(facts, task.cancelRequestedAt)}: its worker is told with its next beat`,
    );
  sentences.push(
    `attempt ${task.attemptNumber} stands at ${task.progressPercent} %${task.currentStep ? ` (${task.currentStep})` : ''}; ${budget(task)}`,
  );
  return sentences;
}

function cancelled(facts: WaitFacts): string[] {
  const asked = facts.runCancelled;
  return asked
    ? [`its run is being cancelled: ${asked.by ?? 'an operator'} asked for that ${when(facts, asked.at)}`]
    : [];
}

const budget = (task: TaskRecord): string =>
  `failures ${task.failures} of ${task.maxAttempts}, crashes ${task.crashes} of ${task.maxCrashes}`;
const load = (worker: WaitFacts['workers'][number]): string =>
  `${worker.name ?? 'one'} (${worker.tasks.length === 0 ? 'idle' : `at work on ${worker.tasks.length}`})`;
const by = (name: string | null): string => (name === null ? '' : ` on worker ${name}`);
const was = (status: string): string => (status === 'failed' ? 'failed' : `was ${status}`);
const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
const iso = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;
const since = (facts: WaitFacts, date: Date): string => `since ${iso(date)} (${ago(facts, date)})`;
const when = (facts: WaitFacts, date: Date | null): string =>
  date === null ? 'at an unknown time' : `at ${iso(date)} (${ago(facts, date)})`;

function ago({ now }: WaitFacts, date: Date): string {
  const seconds = Math.round((date.getTime() - now.getTime()) / 1_000);
  if (seconds === 0) return 'now';
  const [amount, unit] = span(Math.abs(seconds));
  return seconds > 0 ? `in ${amount} ${unit}` : `${amount} ${unit} ago`;
}

function span(seconds: number): [number, string] {
  if (seconds < 120) return [seconds, 's'];
  if (seconds < 7_200) return [Math.round(seconds / 60), 'min'];
  if (seconds < 172_800) return [Math.round(seconds / 3_600), 'h'];
  return [Math.round(seconds / 86_400), 'days'];
}

/** The first few of them, and how many more. */
function list(parts: readonly string[]): string {
  const shown = parts.slice(0, 3);
  const rest = parts.length - shown.length;
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`;
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}` : (shown[0] ?? '');
}
