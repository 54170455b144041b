/**
 * Writes docs/ledger-plans.md: every statement inside the ledger's functions as Postgres planned and executed it, with many
 * tasks queued.
 *
 *   node bench/plans.ts                   100,000 queued tasks, docs/ledger-plans.md
 *   node bench/plans.ts --tasks 1000000 --to FILE
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { openLedger, openOperatorLedger, openSweepLedger } from '@reelfleet/db';
import { type BackloggedLedger, openBacklog } from './backlog-ledger.ts';
import { ledgerCalls } from './plans-calls.ts';
import { type PlanSection, planDocument } from './plans-document.ts';
import { type Explainer, openExplainer } from './plans-explain.ts';
import { sweepCalls } from './plans-sweep-calls.ts';
import { machineFacts } from './support/machine.ts';
import { openWorld } from './support/world.ts';

/** Tickets for all calls, each of which is made twice. */
const KEPT = 10_000;

async function explainAll(backlog: BackloggedLedger, explainer: Explainer): Promise<PlanSection[]> {
  const { db } = explainer;
  const on = {
    ...backlog,
    db,
    ledger: openLedger(db, db),
    sweep: openSweepLedger(db),
    operator: openOperatorLedger(db),
  };
  const sections: PlanSection[] = [];
  for (const call of [...ledgerCalls, ...sweepCalls]) {
    await (await call.prepare(on))();
    const run = await call.prepare(on);
    sections.push({ ...call, statements: await explainer.explain(run) });
    console.error(`${call.name}: ${sections.at(-1)?.statements.length} statements`);
  }
  return sections;
}

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '100000' },
    to: { type: 'string', default: new URL('../docs/ledger-plans.md', import.meta.url).pathname },
  },
});
const world = await openWorld({ redis: false });
try {
  const backlog = await openBacklog(world, Number(values.tasks), KEPT);
  const explainer = await openExplainer(backlog.database.url);
  const sections = await explainAll(backlog, explainer);
  await writeFile(values.to, planDocument(sections, { queued: backlog.queued, machine: machineFacts() }));
  await explainer.close();
  await backlog.close();
} finally {
  await world.close();
}
process.exit(0);
