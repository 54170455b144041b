/**
 * What a worker has counted, as a flat map that rides its beats and that one SQL statement can sum over the fleet; and
 * the way back, from such a sum to an exposition that Prometheus reads.
 *
 * A key is the sample's name with its labels as JSON: `reelfleet_attempts_total{"stage":"music","outcome":"complete"}`.
 * A histogram's buckets hold what fell into each alone, not what fell below (the reader adds them up), and zeros are left
 * out: a report is a kilobyte or two whatever the number of stages.
 */
import type { WorkerReport } from '@reelfleet/core';
import { AggregatorRegistry, type Registry } from 'prom-client';
import type { Meter } from './meter.ts';
import { type MetricDefinition, workerMetrics } from './metrics.ts';

type Labels = Record<string, string | number>;
interface Value {
  labels: Labels;
  value: number;
  metricName?: string;
}

const keyOf = (name: string, labels: Labels): string => {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.length === 0
    ? name
    : `${name}${JSON.stringify(Object.fromEntries(sorted.map(([k, v]) => [k, String(v)])))}`;
};

/** To the microsecond, so that sums over years of reports stay short and never fall for a rounding error. */
const plain = (value: number): number => Math.round(value * 1e6) / 1e6;

/** Everything a meter has counted since it was opened, zeros left out. */
export async function countsOf(meter: Meter): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const metric of await meter.registry.getMetricsAsJSON()) {
    let below = 0;
    for (const { labels, value, metricName = metric.name } of metric.values as Value[]) {
      // A series' buckets come in order, ending with +Inf, each with all that fell below it.
      const own = metricName.endsWith('_bucket') ? value - below : value;
      below = metricName.endsWith('_bucket') && labels.le !== '+Inf' ? value : 0;
      if (own > 0) counts[keyOf(metricName, labels)] = plain(own);
    }
  }
  return counts;
}

/** Puts together what one worker reports, and when: at most every two seconds, however fast it beats. */
export interface Reporter {
  /** The next report, or undefined while the last one that arrived is young. `final` asks for one whatever its age. */
  next(final?: boolean): Promise<WorkerReport | undefined>;
  /** The ledger has it. */
  arrived(report: WorkerReport): void;
  /** The worker's row was gone and begins anew: what had arrived before was counted then. */
  beginAnew(): void;
}

const REPORT_EVERY_MS = 2_000;

export function openReporter(
  meter: Meter,
  options: { monotonic(): number; gauges(): Record<string, number> },
): Reporter {
  let seq = 0;
  let arrivedAt = Number.NEGATIVE_INFINITY;
  let known: Record<string, number> = {};
  /** Counted into a row that is no more. */
  const past: Record<string, number> = {};
  return {
    async next(final = false) {
      if (!final && options.monotonic() - arrivedAt < REPORT_EVERY_MS) return undefined;
      const counters = await countsOf(meter);
      for (const [key, value] of Object.entries(past)) counters[key] = plain((counters[key] ?? 0) - value);
      seq += 1;
      return { seq, counters, gauges: options.gauges() };
    },
    arrived({ counters }) {
      arrivedAt = options.monotonic();
      known = counters;
    },
    beginAnew() {
      for (const [key, value] of Object.entries(known)) past[key] = (past[key] ?? 0) + value;
      known = {};
      arrivedAt = Number.NEGATIVE_INFINITY;
    },
  };
}

/** One metric with its samples, ready to be rendered. `value` of a histogram's bucket counts that bucket alone. */
export interface Family {
  readonly definition: MetricDefinition;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/**
 * A registry that renders these gauges and, when there are `counts` (a report's, or a sum of reports), all worker metrics.
 * `known` are values of labels whose series shall be there from the start.
 */
export function exposition(families: readonly Family[], workers?: Sums): Registry {
  const shown: object[] = families.map(({ definition, samples }) => ({ ...head(definition), values: [...samples] }));
  if (workers) {
    for (const definition of Object.values<MetricDefinition>(workerMetrics)) {
      const values = definition.type === 'histogram' ? bucketed(definition, workers) : counted(definition, workers);
      shown.push({ ...head(definition), values });
    }
  }
  // Of one list only: nothing is aggregated, but the library makes a registry of it and renders it by its own rules.
  return AggregatorRegistry.aggregate([shown]);
}

export interface Sums {
  readonly counts: Readonly<Record<string, number>>;
  readonly known?: Readonly<Record<string, readonly string[]>>;
}

const head = ({ name, type, help }: MetricDefinition) => ({ name, type, help, aggregator: 'sum' });

/** Every combination of the values that a metric's labels are known to take; none when one of them is open. */
function foreseen({ labels, values }: MetricDefinition, known: Readonly<Record<string, readonly string[]>>): Labels[] {
  return labels.reduce<Labels[]>(
    (sets, label) =>
      sets.flatMap((set) => (values?.[label] ?? known[label] ?? []).map((value) => ({ ...set, [label]: value }))),
    [{}],
  );
}

/** The series of `name` in these counts, by their labels, with those that were foreseen. */
function seriesOf(
  name: string,
  counts: Readonly<Record<string, number>>,
  from: readonly Labels[],
): Map<string, { labels: Labels; value: number }> {
  const series = new Map(from.map((labels) => [keyOf('', labels), { labels, value: 0 }]));
  for (const [key, value] of Object.entries(counts)) {
    if (key !== name && !key.startsWith(`${name}{`)) continue;
    const labels = key === name ? {} : (JSON.parse(key.slice(name.length)) as Labels);
    series.set(keyOf('', labels), { labels, value });
  }
  return series;
}

function counted(definition: MetricDefinition, { counts, known = {} }: Sums): Value[] {
  return [...seriesOf(definition.name, counts, foreseen(definition, known)).values()];
}

function bucketed(definition: MetricDefinition, { counts }: Sums): Value[] {
  const { name, buckets = [] } = definition;
  return [...seriesOf(`${name}_count`, counts, foreseen(definition, {})).values()].flatMap(
    ({ labels, value: count }) => {
      const sample = (suffix: string, value: number, more: Labels = {}): Value => ({
        metricName: `${name}_${suffix}`,
        labels: { ...labels, ...more },
        value,
      });
      let below = 0;
      const values = buckets.map((le) => {
        below += counts[keyOf(`${name}_bucket`, { ...labels, le })] ?? 0;
        return sample('bucket', below, { le });
      });
      const sum = counts[keyOf(`${name}_sum`, labels)] ?? 0;
      return [...values, sample('bucket', count, { le: '+Inf' }), sample('sum', sum), sample('count', count)];
    },
  );
}
