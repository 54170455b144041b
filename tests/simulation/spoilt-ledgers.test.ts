/**
 * A simulation that finds nothing proves something only if it would have found it. Each of these ledgers lacks one rule;
 * each must be caught. A rule is taken away in front of its function, not out of its text, so that these tests stay as
 * they are when the function is written another way.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Setting, type Step, schedules } from './commands.ts';
import { openLane, replaceFunction } from './lane.ts';
import { simulate } from './simulate.ts';

/** The seed is fixed: what is asked here is whether the simulation can fail, and by hand these did within 30. */
const SCHEDULES = 400;
const SEED = 4;

const versionNow = `(select t.state_version from public.tasks t where t.id = (i->>'id')::uuid)`;
const unfenced = `(select jsonb_agg(i || jsonb_build_object('version', ${versionNow})) from jsonb_array_elements(p_items) i)`;
const versionsNow = 'array(select t.state_version from unnest(p_ids) as a(id) join public.tasks t on t.id = a.id)';
const beat =
  '(p_worker uuid, p_ids uuid[], p_versions int[], p_lease_ms int, p_progress int[], p_steps text[], p_draining boolean, p_report jsonb)';

test.concurrent.each<{ lacks: string; name: string; signature: string; body: string }>([
  {
    lacks: 'a settle that does not ask for the version',
    name: 'settle',
    signature: '(p_worker uuid, p_actor text, p_items jsonb)',
    body: `return reelfleet.sound_settle(p_worker, p_actor, ${unfenced});`,
  },
  {
    lacks: 'a checkpoint that does not ask for the version',
    name: 'checkpoint',
    signature: '(p_worker uuid, p_items jsonb)',
    body: `return reelfleet.sound_checkpoint(p_worker, ${unfenced});`,
  },
  {
    lacks: 'a beat that does not ask for the version',
    name: 'beat',
    signature: beat,
    body: `return reelfleet.sound_beat(p_worker, p_ids, ${versionsNow}, p_lease_ms, p_progress, p_steps, p_draining, p_report);`,
  },
  {
    lacks: 'a claim that takes any ticket',
    name: 'claim',
    signature: '(p_worker uuid, p_ids uuid[], p_versions int[], p_lease_ms int, p_refusals text[])',
    body: `return reelfleet.sound_claim(p_worker, p_ids, ${versionsNow}, p_lease_ms, p_refusals);`,
  },
  {
    lacks: 'a cancel that forgets what runs',
    name: 'operator_cancel',
    signature: '(p_actor text, p_runs uuid[], p_tasks uuid[])',
    body: `declare answer jsonb := reelfleet.sound_operator_cancel(p_actor, p_runs, p_tasks);
      begin
        update public.tasks set cancel_requested_at = null where status = 'running' and cancel_requested_at is not null;
        return answer;
      end;`,
  },
  {
    lacks: 'a read-back that believes without looking',
    name: 'happened',
    signature: '(p_actor text, p_items jsonb)',
    body: `return (select jsonb_object_agg(i->>'id', 'completed') from jsonb_array_elements(p_items) i);`,
  },
])('$lacks is caught', { timeout: 120_000 }, async ({ name, signature, body }) => {
  const lane = await openLane((db) => replaceFunction(db, name, signature, body));
  try {
    const details = await fc.check(
      fc.asyncProperty(schedules, async (schedule) => {
        await simulate(lane, schedule);
      }),
      { seed: SEED, numRuns: SCHEDULES, unbiased: true, endOnFailure: true },
    );
    expect(String(details.errorInstance)).toMatch(/the model says otherwise/);
  } finally {
    await lane.close();
  }
});

test('a sweep that looks first and writes later is caught where a beat comes in between', {
  timeout: 120_000,
}, async () => {
  const body = `create temp table if not exists late (id uuid);
    truncate late;
    insert into late select id from public.tasks where status = 'running' and claim_expires_at < now();
    perform pg_sleep(0.005);
    update public.tasks set claim_expires_at = now() - interval '1 second'
    where status = 'running' and id in (select id from late);
    return reelfleet.sound_sweep_expire(p_actor, p_lease_ms, p_limit);`;
  const lane = await openLane((db) =>
    replaceFunction(db, 'sweep_expire', '(p_actor text, p_lease_ms int, p_limit int)', body),
  );
  const setting: Setting = { workers: 2, maxAttempts: 3, maxCrashes: 3, follower: null };
  const steps: Step[] = [
    { do: 'claim', worker: 0, ticket: 'newest', full: false, twice: false, fate: 'answered' },
    { do: 'lapse' },
    {
      both: [
        { do: 'beat', worker: 0, percent: 1, fate: 'answered' },
        { do: 'sweep', tooSoon: false },
      ],
    },
  ];
  const races = async () => {
    for (let round = 0; round < 100; round += 1) await simulate(lane, { setting, steps }, { byHand: true });
  };
  try {
    await expect(races()).rejects.toThrow(/the model says otherwise/);
  } finally {
    await lane.close();
  }
});
