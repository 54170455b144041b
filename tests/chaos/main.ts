/**
 * `npm run chaos`: the fault suite. Opens the yard, sets the load going, lets the nemesis do its worst, judges what is
 * left and tells it. Exit 0: every promise held; 1: one was broken, or nothing could be opened; 2: wrong usage; 130: Ctrl-C.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { messageOf, UserError } from '@reelfleet/core';
import { cleanUp } from '@reelfleet/testkit';
import { onStopSignals } from '@reelfleet/worker';
import { type Sample, sample } from './census.ts';
import { BrokenPromise } from './fault.ts';
import { faults } from './faults/index.ts';
import { judge, type Verdict } from './judge.ts';
import { startLoad } from './load.ts';
import { runNemesis } from './nemesis.ts';
import { MIX, schedule, type Turn, type Wishes } from './schedule.ts';
import { repeatCommand, resultTable, type Told, USUAL_LEASE_MS } from './table.ts';
import { type OpenYard, openYard } from './yard.ts';

const startedAt = performance.now();
const say = (line: string) =>
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(7)} s  ${line}`);
const SAMPLE_MS = 1_000;
/** What healing may take after Ctrl-C before the processes are ended without it. */
const HEAL_MS = 20_000;

interface Command extends Wishes {
  readonly list: boolean;
  readonly keep: boolean;
  readonly leaseMs: number;
}

function readCommand(args: readonly string[]): Command {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        minutes: { type: 'string' },
        only: { type: 'string' },
        lease: { type: 'string' },
        list: { type: 'boolean' },
        keep: { type: 'boolean' },
      },
    }));
  } catch (error) {
    throw usage(messageOf(error).split('. ')[0] ?? '');
  }
  const number = (name: string, what: string, least: number): number | null => {
    const text = values[name];
    if (text === undefined) return null;
    const value = Number(text);
    if (text === '' || !Number.isFinite(value) || value < least) throw usage(`--${name}: got ${text}, takes ${what}`);
    return value;
  };
  const seed = number('seed', 'a whole number from 0', 0) ?? Math.floor(Math.random() * 1_000_000);
  if (!Number.isSafeInteger(seed)) throw usage(`--seed: got ${values.seed}, takes a whole number from 0`);
  const only = typeof values.only === 'string' ? values.only.split(',').map(Number) : null;
  const known = [...faults.map((fault) => fault.number), MIX];
  const unknown = only?.find((one) => !known.includes(one));
  if (unknown !== undefined)
    throw usage(`--only: got ${values.only}, takes numbers of the list (--list), separated by commas`);
  const minutes = number('minutes', 'a number of minutes above 0', 0.1);
  return {
    seed,
    // Faults asked for by number are all done; the whole list is long, so it has its time.
    minutes: minutes ?? (only === null ? 10 : null),
    only,
    leaseMs: (number('lease', 'seconds, 1 or more', 1) ?? USUAL_LEASE_MS / 1_000) * 1_000,
    list: values.list === true,
    keep: values.keep === true,
  };
}

const usage = (what: string) =>
  new UserError(
    `${what.replace(/\.$/, '')}; usage: npm run chaos -- [--seed N] [--minutes N] [--only 3,8] [--lease SECONDS] [--list] [--keep]`,
    {
      exitCode: 2,
    },
  );

async function main(): Promise<number> {
  const command = readCommand(process.argv.slice(2));
  const turns = schedule(command, faults);
  if (command.list) {
    await printList(command, turns);
    return 0;
  }
  if (turns.length === 0)
    throw usage(`nothing fits into ${command.minutes} minutes: give more (--minutes) or others (--only)`);
  const stop = new AbortController();
  let overrun: NodeJS.Timeout | undefined;
  const stopped = onStopSignals(() => void cleanUp().finally(() => process.exit(130))).then(() => {
    say('stopped: healing what is broken, judging nothing');
    overrun = setTimeout(() => void cleanUp().finally(() => process.exit(130)), HEAL_MS);
    stop.abort();
    return null;
  });

  say(`seed ${command.seed}: ${turns.length} turns, ${Math.ceil(lengthOf(turns) / 60_000)} minutes at most`);
  const opened = await Promise.race([openYard({ keep: command.keep, leaseMs: command.leaseMs }), stopped]);
  if (opened === null) return 130;
  const yard = opened;
  say(`six workers are ready${command.keep ? ` in ${yard.folder}` : ''}`);
  const census = takeCensus(yard);
  const load = startLoad(yard, { seed: command.seed, atOnce: availableParallelism() + 1 });
  await Promise.race([yard.works(3, 180_000), stopped]);
  const told = await runNemesis({ yard, turns, faults, signal: stop.signal, say });
  await load.stop();
  if (stop.signal.aborted) {
    clearTimeout(overrun);
    return 130;
  }
  say(`the load ends: ${load.accepted} runs accepted, ${load.unanswered} orders without an answer`);
  const verdicts = await Promise.race([judge(yard, census.samples), stopped]);
  census.stop();
  if (verdicts === null) {
    clearTimeout(overrun);
    return 130;
  }
  return tell(command, told, verdicts);
}

const lengthOf = (turns: readonly Turn[]): number => {
  const last = turns.at(-1);
  const takes = last?.faults.map((name) => faults.find((fault) => fault.name === name)?.takesMs ?? 0) ?? [0];
  return (last?.startMs ?? 0) + Math.max(...takes);
};

/** Every worker's size, once a second, from its birth to its end. */
function takeCensus(yard: OpenYard) {
  const samples = new Map<string, Sample[]>();
  const timer = setInterval(() => {
    for (const { name, process: child } of yard.crew.everyone) {
      const taken = sample(child.pid);
      if (taken) samples.set(name, [...(samples.get(name) ?? []), taken]);
    }
  }, SAMPLE_MS);
  return { samples, stop: () => clearInterval(timer) };
}

function tell(command: Command, told: readonly Told[], verdicts: readonly Verdict[]): number {
  for (const { promise, against, seen } of verdicts) {
    say(`${against.length === 0 ? 'held' : 'BROKEN'}: ${promise} (${seen})`);
    for (const line of against) say(`  ${line}`);
  }
  console.log(`\n${resultTable(told, Math.max(100, process.stdout.columns ?? 120))}\n`);
  const broken =
    told.some(({ result }) => result.kind === 'broken') || verdicts.some(({ against }) => against.length > 0);
  console.log(
    `seed ${command.seed}: ${broken ? 'a promise was broken' : 'every promise held'}; the same again: ${repeatCommand(command)}`,
  );
  return broken ? 1 : 0;
}

async function printList(command: Command, turns: readonly Turn[]): Promise<void> {
  for (const fault of faults) {
    const lacking = (await fault.missing?.()) ?? null;
    console.log(
      `${String(fault.number).padStart(3)}  ${fault.name}: ${fault.promise}${lacking ? ` [cannot run here: ${lacking}]` : ''}`,
    );
  }
  console.log(`${String(MIX).padStart(3)}  several at once, at random`);
  console.log(`\nwith seed ${command.seed}, at the latest:`);
  for (const turn of turns)
    console.log(
      `${String(Math.round(turn.startMs / 1_000)).padStart(5)} s  ${turn.number === MIX ? `${MIX} (${turn.faults.join(', ')})` : turn.number}`,
    );
}

let exitCode: number;
try {
  exitCode = await main();
} catch (error) {
  console.error(
    `chaos: ${error instanceof UserError || error instanceof BrokenPromise ? error.message : error instanceof Error ? error.stack : String(error)}`,
  );
  exitCode = error instanceof UserError ? error.exitCode : 1;
}
await cleanUp();
process.exit(exitCode);
