import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Meter, openMeter } from './meter.ts';
import { countsOf, exposition, openReporter } from './report.ts';

/** Sample → value of an exposition, zeros left out. */
const samplesOf = (text: string) =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const at = line.lastIndexOf(' ');
        const [name, labels = ''] = line.slice(0, at).replace(/}$/, '').split('{');
        const sorted = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([pair]) => pair).sort();
        return [`${name}{${sorted.join(',')}}`, Number(line.slice(at + 1))] as const;
      })
      .filter(([, value]) => value !== 0),
  );
const shown = async (counts: Record<string, number>) => samplesOf(await exposition([], { counts }).metrics());
const added = (...reports: Record<string, number>[]) => {
  const sum: Record<string, number> = {};
  for (const report of reports)
    for (const [key, value] of Object.entries(report)) sum[key] = Math.round(((sum[key] ?? 0) + value) * 1e6) / 1e6;
  return sum;
};

const stages = ['music', 'render', 'odd "one" \\ with\nall'];
type Event = { what: 'attempt' | 'batch' | 'sweep'; stage: number; value: number };
const event: fc.Arbitrary<Event> = fc.record({
  what: fc.constantFrom('attempt', 'batch', 'sweep' as const),
  stage: fc.nat({ max: 2 }),
  value: fc.nat({ max: 50_000 }).map((n) => n / 8),
});
function happen(meter: Meter, { what, stage, value }: Event): void {
  const name = stages[stage] as string;
  if (what === 'attempt') {
    meter.attempts.inc({ stage: name, outcome: value > 100 ? 'complete' : 'retry' });
    meter.attemptDuration.observe({ stage: name }, value);
  } else if (what === 'batch') {
    meter.ledgerBatch.observe({ call: 'claim' }, value);
    meter.beatsLate.inc();
  } else meter.sweepDuration.observe(value);
}

test('what is put together from a report is what the meter itself would show', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event), async (events) => {
      const meter = openMeter();
      for (const one of events) happen(meter, one);
      expect(await shown(await countsOf(meter))).toEqual(samplesOf(await meter.registry.metrics()));
    }),
    { numRuns: 50 },
  );
});

test('added key by key, the reports of two workers are what one would show that had done the work of both', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event), fc.array(event), async (mine, yours) => {
      const [a, b, both] = [openMeter(), openMeter(), openMeter()];
      for (const one of mine) happen(a, one);
      for (const one of yours) happen(b, one);
      for (const one of [...mine, ...yours]) happen(both, one);
      expect(await shown(added(await countsOf(a), await countsOf(b)))).toEqual(
        samplesOf(await both.registry.metrics()),
      );
    }),
    { numRuns: 50 },
  );
});

test('series that can be foreseen are there at 0, so that the first event is an increase', async () => {
  const text = await exposition([], { counts: {}, known: { stage: ['music'] } }).metrics();
  expect(text).toContain('reelfleet_attempts_total{stage="music",outcome="fail"} 0\n');
  expect(text).toContain('reelfleet_beats_late_total 0\n');
  expect(text).toContain('reelfleet_ledger_call_duration_seconds_count{call="settle"} 0\n');
  expect(await exposition([]).metrics()).not.toContain('reelfleet_');
});

test('a worker that has done nothing yet reports nothing, a busy one stays small', async () => {
  const meter = openMeter();
  expect(await countsOf(meter)).toEqual({});
  for (let stage = 0; stage < 23; stage++)
    for (let n = 0; n < 1_000; n++) {
      meter.attempts.inc({ stage: `stage-${stage}`, outcome: 'complete' });
      meter.attemptDuration.observe({ stage: `stage-${stage}` }, 3 + (n % 20));
    }
  expect(JSON.stringify(await countsOf(meter)).length).toBeLessThan(16_000);
});

test('reports go at most every two seconds, a lost one is sent anew at once, and the last one always', async () => {
  let now = 0;
  const meter = openMeter();
  const reporter = openReporter(meter, { monotonic: () => now, gauges: () => ({ busy: 1 }) });
  meter.beatsLate.inc();
  const first = await reporter.next();
  expect(first).toEqual({ seq: 1, counters: { reelfleet_beats_late_total: 1 }, gauges: { busy: 1 } });
  now += 200;
  const again = await reporter.next();
  expect(again?.seq).toBe(2);
  if (again) reporter.arrived(again);
  now += 1_900;
  expect(await reporter.next()).toBeUndefined();
  expect((await reporter.next(true))?.seq).toBe(3);
  now += 200;
  expect((await reporter.next())?.seq).toBe(4);
});

test('a worker whose row was removed begins anew with what had not arrived', async () => {
  const meter = openMeter();
  const reporter = openReporter(meter, { monotonic: () => 0, gauges: () => ({}) });
  const done = async () => (await reporter.next(true))?.counters.reelfleet_beats_late_total ?? 0;
  meter.beatsLate.inc(5);
  const report = await reporter.next();
  if (report) reporter.arrived(report);
  meter.beatsLate.inc(2);
  reporter.beginAnew();
  expect(await done()).toBe(2);
  reporter.beginAnew();
  expect(await done()).toBe(2);
});
