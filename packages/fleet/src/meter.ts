/**
 * The instruments of one worker: a registry of its own with one counter or histogram per definition in metrics.ts.
 * Opened once per worker and handed down, so that two workers in one process count apart.
 */
import { Counter, Histogram, Registry } from 'prom-client';
import { type MetricDefinition, workerMetrics } from './metrics.ts';

type Instrument<D extends MetricDefinition> = D['type'] extends 'histogram'
  ? Histogram<D['labels'][number]>
  : Counter<D['labels'][number]>;

/** One instrument per worker metric, under its key in `workerMetrics`. */
export type Meter = { readonly [Key in keyof typeof workerMetrics]: Instrument<(typeof workerMetrics)[Key]> } & {
  readonly registry: Registry;
};

export function openMeter(): Meter {
  const registry = new Registry();
  const instruments = Object.entries<MetricDefinition>(workerMetrics).map(([key, { name, help, labels, ...more }]) => {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    return [
      key,
      more.type === 'histogram'
        ? new Histogram({ ...options, buckets: [...(more.buckets ?? [])] })
        : new Counter(options),
    ];
  });
  return { ...Object.fromEntries(instruments), registry } as Meter;
}
