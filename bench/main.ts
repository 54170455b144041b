/**
 * `npm run bench`: runs the benchmarks asked for, one after the other, prints their tables, writes bench/results/NAME.json
 * with the machine they came from, and says which goals were met. Missed goals end with exit code 1 only under --strict:
 * a slow machine is no error.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { cleanUp } from '@reelfleet/testkit';
import type { Benchmark, BenchmarkOptions, Report } from './benchmark.ts';
import { machineFacts } from './support/machine.ts';
import { formatTable } from './support/table.ts';

/** In the order of a whole run. Modules are loaded when they are wanted, since some need the peers' packages. */
const names = [
  'throughput',
  'latency',
  'backlog',
  'heartbeats',
  'recovery',
  'album',
  'transcode',
  'clip',
  'scale',
  'search',
] as const;

const USAGE = `npm run bench -- [NAME…] [--short] [--strict] [--list]
  NAME      ${names.join(' ')}; all of them when none is named
  --short   see that they work, ten seconds each; the figures mean nothing and are not written
  --only    only these contenders, by id and separated by commas, for a closer look; nothing is written
  --count   one round of so many jobs or samples per contender (seconds of source, for transcode), for a closer look; nothing is written
  --strict  exit 1 when a goal is missed
  --list    what each one asks, and its goals`;

async function load(name: string): Promise<Benchmark> {
  const module = (await import(new URL(`${name}.ts`, import.meta.url).href)) as { benchmark: Benchmark };
  return module.benchmark;
}

async function runOne(name: string, options: Omit<BenchmarkOptions, 'say'>): Promise<Report> {
  const partial = options.short || options.only !== undefined || options.count !== undefined;
  const benchmark = await load(name);
  console.log(`\n== ${name}: ${benchmark.question}`);
  const began = performance.now();
  const report = await benchmark.run({ ...options, say: (line) => console.log(`   ${line}`) });
  for (const table of report.tables) console.log(`\n${formatTable(table)}`);
  for (const note of report.notes ?? []) console.log(`note: ${note}`);
  console.log();
  for (const { goal, got, met } of report.goals) {
    const verdict = partial ? 'not judged in this form' : met === null ? 'not judged' : met ? 'met' : 'MISSED';
    console.log(`goal: ${goal} · got ${got} · ${verdict}`);
  }
  if (!partial) {
    const folder = new URL('results/', import.meta.url);
    await mkdir(folder, { recursive: true });
    const result = {
      name,
      machine: machineFacts(),
      seconds: Math.round((performance.now() - began) / 1000),
      ...report,
    };
    await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(result, null, 2)}\n`);
  }
  return report;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      short: { type: 'boolean', default: false },
      only: { type: 'string' },
      count: { type: 'string' },
      strict: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const strangers = positionals.filter((name) => !(names as readonly string[]).includes(name));
  if (values.help || strangers.length > 0) {
    if (strangers.length > 0) console.error(`there is no benchmark "${strangers.join('", "')}"`);
    console.error(USAGE);
    return values.help ? 0 : 2;
  }
  const wanted = positionals.length > 0 ? positionals : [...names];
  if (values.list) {
    for (const name of wanted) {
      const { question, goals } = await load(name);
      console.log([`${name}: ${question}`, ...goals.map((goal) => `  goal: ${goal}`)].join('\n'));
    }
    return 0;
  }
  const machine = machineFacts();
  console.log(
    `${machine.cores} cores (${machine.processor}), ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}, Postgres ${machine.postgres}, Redis ${machine.redis ?? 'not installed'}`,
  );
  let missed = 0;
  for (const name of wanted) {
    const report = await runOne(name, {
      short: values.short,
      ...(values.only ? { only: values.only.split(',') } : {}),
      ...(values.count ? { count: Number(values.count) } : {}),
    });
    missed += report.goals.filter(({ met }) => met === false).length;
  }
  return values.strict && !values.short && !values.only && !values.count && missed > 0 ? 1 : 0;
}

let stopped = false;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    stopped = true; // what now fails, fails because of us
    void cleanUp().finally(() => process.exit(code));
  });
}
try {
  process.exit(await main());
} catch (error) {
  if (!stopped) {
    console.error(error);
    await cleanUp().catch((also) => console.error(also));
    process.exit(1);
  }
}
