/** 21: tickets that nobody issued. */
import { randomUUID } from 'node:crypto';
import type { Ticket } from '@reelfleet/core';
import type { Fault, Yard } from '../fault.ts';
import { healing, mustHold } from './healing.ts';
import { trailOf } from './trail.ts';

const COPIES = 50;
/** Dispatches that the ledger never counts up to: each makes a ticket of its own. */
const FORGED = 1_000_000;

interface Row {
  readonly id: string;
  readonly stage: string;
  readonly version: number;
  readonly status: string;
}

export const strangeTickets: Fault = {
  number: 21,
  name: 'fifty duplicate tickets; tickets for finished, cancelled, unknown tasks',
  promise: 'a ticket is good for one claim at one version; all others start nothing',
  takesMs: 60_000,
  run: healing(async ({ yard, promised }) => {
    let forged = 0;
    const put = async (rows: readonly Pick<Row, 'id' | 'stage' | 'version'>[], copies: number) => {
      const tickets = rows.flatMap(({ id, stage, version }) =>
        Array.from({ length: copies }, (): Ticket => {
          forged += 1;
          return { id, stage, version, dispatches: FORGED + forged, title: 'forged', priority: 0 };
        }),
      );
      await yard.tickets.send(tickets);
      return tickets;
    };

    // Of tasks that wait, or have just been taken.
    const runs = await yard.enqueue('hold', { ms: 300 }, 4);
    const waiting = await rowsOf(yard, runs);
    const tickets = await put(waiting, COPIES);
    const ended = await yard.ended(runs, 40_000);
    for (const [run, status] of ended) mustHold(status === 'completed', `run ${run} to complete`, status);
    // Of tasks that have ended, at every version that they have had and one that they have not.
    const [cancelled = ''] = await yard.enqueue('hold', { ms: 60_000 });
    await yard.operator.cancel('chaos', { runs: [cancelled] });
    yard.expectEnd(cancelled, 'cancelled');
    await yard.ended([cancelled], 30_000);
    const over = await rowsOf(yard, [...runs, cancelled]);
    const everyVersion = over.flatMap((row) =>
      Array.from({ length: row.version + 1 }, (_, index) => ({ ...row, version: index + 1 })),
    );
    tickets.push(...(await put(everyVersion, 3)));
    // Of tasks that there are not.
    tickets.push(
      ...(await put(
        [
          { id: randomUUID(), stage: 'hold', version: 1 },
          { id: randomUUID(), stage: 'shot', version: 3 },
        ],
        5,
      )),
    );

    await promised(
      'every forged ticket to be taken',
      async () => (await yard.tickets.missing(tickets)).length === tickets.length,
      30_000,
      200,
    );
    const after = await rowsOf(yard, [...runs, cancelled]);
    for (const row of over) {
      const now = after.find(({ id }) => id === row.id);
      mustHold(
        now?.version === row.version && now.status === row.status,
        `a task that was ${row.status} at version ${row.version} to stay so`,
        `${now?.status} at ${now?.version}`,
      );
    }
    const trail = await trailOf(
      yard.db,
      waiting.map(({ id }) => id),
    );
    for (const { id } of waiting) {
      const of = (action: string) => trail.filter((entry) => entry.task === id && entry.action === action).length;
      const allowed = 1 + of('expire') + of('release') + of('retry');
      mustHold(of('claim') <= allowed, `${COPIES} duplicates to give ${allowed} claim`, of('claim'));
    }
    return { 'forged tickets': forged };
  }),
};

const rowsOf = (yard: Yard, runs: readonly string[]): Promise<Row[]> =>
  yard.db.query<Row>(
    `select id, stage, state_version as version, status from tasks where run_id in (${runs.map((run) => `'${run}'`).join(',')})`,
  );
