/**
 * The same acts against the product's real ledger: a task on a lane, what can be done to it, and its facts. Time does
 * not pass here, it is moved: a lease that is over is one whose end was put into the past.
 */

import { randomUUID } from 'node:crypto';
import { type ClaimAnswer, type SettleAnswer, type SettleItem, type Ticket, UserError } from '@reelfleet/core';
import { uuid } from '@reelfleet/db';
import { bareRun } from '@reelfleet/db/testing';
import type { Setting } from './commands.ts';
import { identity, type Lane, LEASE_MS } from './lane.ts';
import type { LossyDatabase } from './lossy.ts';
import type { Act, Facts, Statement } from './world.ts';

const STAGE = { task: 'probe', follower: 'verify' };

/** A new task on a lane, and what can be done to it. */
export async function openTask(lane: Lane, setting: Setting) {
  const runId = randomUUID();
  const id = randomUUID();
  const followerId = randomUUID();
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  const unanswered = new Map<number, Promise<unknown>>();

  const lives = lane.crew.map(() => 0);
  const know = (worker: number) => {
    const name = `worker ${worker}.${lives[worker]}`;
    ids.set(name, lane.crew[worker] as string);
    names.set(lane.crew[worker] as string, name);
  };
  lane.crew.forEach((_, worker) => {
    know(worker);
  });

  const newTask = (taskId: string, key: 'task' | 'follower', position: number) => ({
    id: taskId,
    key,
    stage: STAGE[key],
    title: key,
    phase: key,
    position,
    payload: {},
    optional: false,
    maxAttempts: setting.maxAttempts,
    maxCrashes: setting.maxCrashes,
  });
  await lane.operator.enqueue(
    [
      {
        run: bareRun(runId, { phase: 'task' }),
        tasks: [newTask(id, 'task', 0), ...(setting.follower ? [newTask(followerId, 'follower', 1)] : [])],
        edges: setting.follower ? [{ task: 'follower', on: 'task', kind: setting.follower }] : [],
        before: [],
        after: [],
      },
    ],
    'operator',
  );

  const tickets = (sent: readonly Ticket[]) =>
    sent
      .filter((ticket) => ticket.id === id || ticket.id === followerId)
      .map((ticket) => [ticket.id === id ? 'task' : 'follower', ticket.version]);
  const settled = (answer: SettleAnswer) => ({ status: answer.status, tickets: tickets(answer.tickets) });
  const claimed = (answer: ClaimAnswer) => {
    if (answer.kind !== 'claimed') return answer;
    const { version, attemptNumber, failures, checkpoint } = answer.task;
    return {
      kind: 'claimed',
      version,
      attempt: attemptNumber,
      failures,
      checkpoint: checkpoint && { units: checkpoint.units, ...(checkpoint.data as { by: number }) },
    };
  };

  async function send(ledger: Lane['echoes'], statement: Statement): Promise<unknown> {
    const workerId = ids.get(statement.by) as string;
    const fence = { id, version: statement.version };
    switch (statement.kind) {
      case 'claim': {
        const ask = { ...fence, refusal: statement.full ? 'disk full' : null };
        const answers = await ledger.claim(workerId, LEASE_MS, statement.twice ? [ask, ask] : [ask]);
        return answers.map(claimed);
      }
      case 'beat': {
        const item = { ...fence, progressPercent: statement.percent, step: null };
        return (await ledger.beat(workerId, LEASE_MS, [item], { draining: false })).tasks[id];
      }
      case 'checkpoint': {
        const item = { ...fence, data: { by: statement.version }, units: statement.units, progress: 0, step: null };
        return (await ledger.checkpoint(workerId, [item]))[0];
      }
      case 'settle':
        return settled((await ledger.settle(workerId, [settlement(statement)]))[0] as SettleAnswer);
      default:
        return statement satisfies never;
    }
  }

  function settlement({ version, event, later }: Statement & { kind: 'settle' }): SettleItem {
    const item: SettleItem = { id, version, event, code: 'simulated', message: `${event} at ${version}` };
    if (event === 'complete' || event === 'park') item.output = { by: version };
    if (event === 'retry' || event === 'release') item.delayMs = later ? LEASE_MS : 0;
    if (event === 'complete')
      item.artifacts = [
        {
          id: randomUUID(),
          kind: 'raw',
          uri: `file:///runs/${runId}/task/${version}/made`,
          sha256: '0'.repeat(64),
          sizeBytes: version,
          contentType: 'text/plain',
        },
      ];
    return item;
  }

  /** A command that has to stand somewhere before it starts, so that two of them start together. */
  async function ready(act: Act): Promise<void> {
    if (act.do === 'read back') await lane.workers[act.worker]?.asking;
  }

  async function perform(act: Act): Promise<unknown> {
    switch (act.do) {
      case 'send': {
        const { worker, statement, fate } = act;
        const ledger = lane.ledgers[worker] as Lane['echoes'];
        if (fate === 'answered') return send(ledger, statement);
        if (statement.kind === 'beat') {
          if (fate === 'reply lost') await send(ledger, statement);
          return 'unknown';
        }
        const lost = (lane.workers[worker] as LossyDatabase).lose(fate);
        const answer = send(ledger, statement);
        answer.catch(() => {}); // its worker may crash before it hears of it
        unanswered.set(worker, answer);
        await lost;
        return 'unknown';
      }
      case 'read back': {
        (lane.workers[act.worker] as LossyDatabase).open();
        const answer = await unanswered.get(act.worker);
        unanswered.delete(act.worker);
        return answer;
      }
      case 'echo':
        return send(lane.echoes, act.statement);
      case 'crash': {
        const waiting = unanswered.get(act.worker);
        unanswered.delete(act.worker);
        if (waiting) {
          await lane.workers[act.worker]?.asking;
          (lane.workers[act.worker] as LossyDatabase).open(new Error('crashed'));
          await waiting.catch(() => {});
        }
        const next = randomUUID();
        await lane.echoes.hello(identity(next));
        lane.crew[act.worker] = next;
        lives[act.worker] = (lives[act.worker] as number) + 1;
        know(act.worker);
        return null;
      }
      case 'lapse':
        await lane.db.query(
          `update tasks set claim_expires_at = now() - interval '1 second' where id = $1::text::uuid and status = 'running'`,
          [uuid(id)],
        );
        return null;
      case 'wait':
        await lane.db.query(`update tasks set run_after = least(run_after, now()) where id = $1::text::uuid`, [
          uuid(id),
        ]);
        return null;
      case 'sweep': {
        // Two hours are more than sweeps have been running: too soon. A millisecond is not.
        const answer = await lane.sweep.expire('sweep', act.tooSoon ? 2 * LEASE_MS : 1, 100);
        return { expired: answer.expired, tickets: tickets(answer.tickets) };
      }
      case 'dispatch':
        return { tickets: tickets(await lane.sweep.due(1_000)) };
      case 'cancel': {
        const answer = await lane.operator.cancel('operator', act.whole ? { runs: [runId] } : { tasks: [id] });
        return { ...answer, tickets: tickets(answer.tickets) };
      }
      case 'retry':
        try {
          const answer = await lane.operator.retry('operator', act.whole ? { runs: [runId] } : { tasks: [id] });
          return { retried: answer.retried, tickets: tickets(answer.tickets) };
        } catch (error) {
          if (error instanceof UserError && error.kind === 'conflict') return 'conflict';
          throw error;
        }
      case 'resolve': {
        const { wish, version } = act;
        return settled(await lane.operator.resolve('operator', { id, version, wish, output: { by: version } }));
      }
      case 'pause':
        await lane.operator.pauseStage(STAGE.task, 'operator', null);
        return null;
      case 'resume':
        return lane.operator.resumeStage(STAGE.task);
      default:
        return act satisfies never;
    }
  }

  async function facts(): Promise<Facts> {
    const rows = await lane.db.query<{ facts: Facts }>(FACTS, [uuid(id)]);
    const found = (rows[0] as { facts: Facts }).facts;
    found.holder &&= names.get(found.holder) ?? found.holder;
    for (const entry of found.trail) entry.actor = names.get(entry.actor) ?? entry.actor;
    return found;
  }

  /** Nothing of this task is under way any more, nor left for the sweeps of the next one. */
  async function abandon(): Promise<void> {
    for (const worker of lane.workers) worker.open(new Error('the schedule is over'));
    await Promise.allSettled(unanswered.values());
    for (const db of [lane.db, ...lane.workers]) db.collisions.length = 0;
    await lane.operator.resumeStage(STAGE.task);
    await lane.sweep.expire('sweep', 1, 100);
    await lane.sweep.due(1_000);
  }

  return { id, ready, perform, facts, abandon };
}

const FACTS = `select jsonb_build_object(
  'task', jsonb_build_object('status', t.status, 'stateVersion', t.state_version, 'attemptNumber', t.attempt_number,
    'failures', t.failures, 'maxAttempts', t.max_attempts, 'crashes', t.crashes, 'maxCrashes', t.max_crashes,
    'pendingDeps', t.pending_deps, 'cancelRequested', t.cancel_requested_at is not null),
  'holder', t.worker_id, 'late', coalesce(t.claim_expires_at < now(), false), 'due', t.run_after <= now(),
  'dispatched', t.dispatched_at is not null, 'dispatches', t.dispatches, 'percent', t.progress_percent,
  'checkpoint', (t.checkpoint - 'data') || (t.checkpoint->'data'), 'output', t.output,
  'artifacts', (select coalesce(jsonb_agg(a.state_version), '[]') from artifacts a where a.task_id = t.id),
  'follower', (select jsonb_build_object('kind', d.kind, 'status', f.status, 'version', f.state_version,
      'pendingDeps', f.pending_deps, 'cancelRequested', f.cancel_requested_at is not null)
    from task_dependencies d join tasks f on f.id = d.task_id where d.depends_on_id = t.id),
  'run', jsonb_build_object('status', r.status, 'version', r.state_version,
    'cancelRequested', r.cancel_requested_at is not null, 'claimedOnce', r.started_at is not null),
  'trail', (select jsonb_agg(jsonb_build_object('version', a.state_version, 'actor', a.actor, 'event', a.action,
      'status', a.state_after->>'status') order by a.state_version, a.id) from task_audit a where a.task_id = t.id)
) as facts from tasks t join pipeline_runs r on r.id = t.run_id where t.id = $1::text::uuid`;
