/** 20: a task that kills every worker that takes it. */
import type { Fault } from '../fault.ts';
import { POISON_CRASHES } from '../stages/actors.ts';
import { healing, mustHold } from './healing.ts';
import { hasEnded, recoveryMs } from './kill.ts';

export const poisonTask: Fault = {
  number: 20,
  name: 'poison task that kills its worker every time',
  promise: `it is failed for good after ${POISON_CRASHES} deaths, with that reason, and the rest is unharmed`,
  takesMs: 90_000,
  alone: true,
  run: healing(async ({ yard, promised }) => {
    const startedAt = new Date();
    const [run = ''] = await yard.enqueue('poison', {});
    yard.expectEnd(run, 'failed');
    const dead = () => yard.workers.filter(({ process }) => hasEnded(process.child));
    for (let deaths = 1; deaths <= POISON_CRASHES; deaths += 1) {
      const [worker] = await promised(`death ${deaths} of a worker`, () => (dead().length > 0 ? dead() : null), 30_000);
      if (!worker) continue;
      mustHold(
        worker.process.child.signalCode === 'SIGKILL',
        `${worker.name} to die of SIGKILL`,
        worker.process.child.signalCode,
      );
      await yard.replace(worker);
    }
    await yard.ended([run], 2 * recoveryMs(yard.leaseMs) + 15_000);
    const rows = await yard.db.query<{ status: string; crashes: number; claims: number; error: string; code: string }>(
      `select t.status, t.crashes, t.last_error as error, t.error_code as code,
         (select count(*)::int from task_audit a where a.task_id = t.id and a.action = 'claim') as claims
       from tasks t where t.run_id = '${run}'`,
    );
    const [task] = rows;
    mustHold(
      task?.status === 'failed' && task.crashes === POISON_CRASHES,
      `failed with ${POISON_CRASHES} crashes`,
      JSON.stringify(task),
    );
    mustHold(task?.claims === POISON_CRASHES, `${POISON_CRASHES} claims`, task?.claims);
    mustHold(
      /killing its worker/.test(task?.error ?? ''),
      'the reason to say that the task may be killing its worker',
      task?.error,
    );
    const others = await yard.db.query<{ key: string; error: string }>(
      `select key, last_error as error from tasks where status = 'failed' and run_id <> '${run}' and completed_at >= '${startedAt.toISOString()}'`,
    );
    mustHold(
      others.length === 0,
      'no other task to fail',
      others.map(({ key, error }) => `${key}: ${error}`).join('; '),
    );
    return { deaths: POISON_CRASHES };
  }),
};
