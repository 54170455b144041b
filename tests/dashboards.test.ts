/**
 * The dashboard, the alerts and the documentation speak of metrics that exist: every name and every label, and every
 * value of a label that is known beforehand.
 */
import { readFileSync } from 'node:fs';
import { buildMetric, type MetricDefinition, workerGauges, workerMetrics } from '@reelfleet/fleet';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { serverMetrics } from '../apps/server/src/metrics/definitions.ts';
import { startTestServer } from '../apps/server/src/testing.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const definitions: MetricDefinition[] = [
  ...Object.values(serverMetrics),
  ...Object.values(workerMetrics),
  ...Object.values(workerGauges),
];

/** Sample name → its labels. */
const known = new Map<string, Set<string>>();
/** Whatever values a label is known to take; no entry: any. */
const values = new Map<string, ReadonlySet<string>>();
for (const { name, type, labels, values: few = {} } of definitions) {
  for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''])
    known.set(name + suffix, new Set([...labels, ...(suffix === '_bucket' ? ['le'] : [])]));
  for (const [label, some] of Object.entries(few)) values.set(`${name} ${label}`, new Set(some));
}

let help = new Map<string, string>();
let documented = '';
beforeAll(async () => {
  const server = await startTestServer();
  documented = (await server.app.inject({ url: '/metrics' })).body;
  help = new Map([...documented.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', text = '']) => [name, text]));
  // What the client library shows of the process itself has no definition of ours.
  for (const [, name = '', labels = ''] of documented.matchAll(/^(reelfleet_server_\w+)(?:\{(.*)\})? /gm))
    known.set(name, new Set([...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label)));
});

interface Use {
  where: string;
  expr: string;
}
interface Panel {
  title: string;
  targets?: { expr: string; legendFormat?: string }[];
}
const dashboard = JSON.parse(read('docker/grafana/dashboards/reelfleet.json')) as {
  panels: Panel[];
  templating: { list: { name: string; definition?: string }[] };
};
const rules = (
  parse(read('docker/alerts.yml')) as {
    groups: { rules: { alert: string; expr: string; labels: object; annotations: Record<string, string> }[] }[];
  }
).groups.flatMap((group) => group.rules);

const uses: Use[] = [
  ...dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr }) => ({ where: `panel "${panel.title}"`, expr })),
  ),
  ...dashboard.templating.list.flatMap(({ name, definition }) =>
    definition ? [{ where: `variable ${name}`, expr: definition }] : [],
  ),
  ...rules.map(({ alert, expr }) => ({ where: `alert ${alert}`, expr })),
];

/** What is wrong with the names, labels and values of an expression. */
function strangers({ where, expr }: Use): string[] {
  const wrong: string[] = [];
  const labels = new Set<string>();
  for (const [, name = '', matchers = ''] of expr.matchAll(/\b(reelfleet_\w+)(?:\{([^}]*)\})?/g)) {
    const own = known.get(name);
    if (!own) {
      wrong.push(`${where}: no metric ${name}`);
      continue;
    }
    for (const label of own) labels.add(label);
    for (const [, label = '', regexp = '', value = ''] of matchers.matchAll(/(\w+)\s*!?=(~?)\s*"([^"]*)"/g)) {
      if (!own.has(label)) wrong.push(`${where}: ${name} has no label ${label}`);
      const few = values.get(`${name.replace(/_(bucket|sum|count)$/, '')} ${label}`);
      for (const one of regexp ? value.split('|') : [value])
        if (few && !one.startsWith('$') && !few.has(one)) wrong.push(`${where}: ${label} of ${name} is never ${one}`);
    }
  }
  for (const [, list = ''] of expr.matchAll(/\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g))
    for (const label of list.split(',').map((part) => part.trim()))
      if (label && !labels.has(label)) wrong.push(`${where}: no metric in it has label ${label}`);
  return wrong;
}

describe('the dashboard and the alerts', () => {
  test('use metrics, labels and values that exist', () => {
    expect(uses.length).toBeGreaterThan(60);
    expect(uses.flatMap(strangers)).toEqual([]);
  });

  test('would be caught if they did not', () => {
    const said = (expr: string) => strangers({ where: 'x', expr });
    expect(said('rate(reelfleet_attempts[1m])')).toEqual(['x: no metric reelfleet_attempts']);
    expect(said('reelfleet_tasks{state="failed"}')).toEqual(['x: reelfleet_tasks has no label state']);
    expect(said('reelfleet_attempts_total{outcome=~"fail|failed"}')).toEqual([
      'x: outcome of reelfleet_attempts_total is never failed',
    ]);
    expect(said('sum by (worker) (reelfleet_tasks)')).toEqual(['x: no metric in it has label worker']);
    expect(said('reelfleet_sweep_duration_seconds')).toEqual(['x: no metric reelfleet_sweep_duration_seconds']);
  });

  test('name labels in legends and texts that their expressions leave', () => {
    const kept = (expr: string) =>
      new Set([...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/\s*,\s*/)));
    const texts = [
      ...dashboard.panels.flatMap(({ targets = [] }) =>
        targets.map(({ expr, legendFormat = '' }) => ({ expr, text: legendFormat, form: /\{\{(\w+)\}\}/g })),
      ),
      ...rules.map(({ expr, annotations }) => ({
        expr,
        text: Object.values(annotations).join(' '),
        form: /\$labels\.(\w+)/g,
      })),
    ];
    const wrong = texts.flatMap(({ expr, text, form }) =>
      [...text.matchAll(form)]
        .filter(([, label = '']) => !kept(expr).has(label))
        .map(([found]) => `${found} of ${expr}`),
    );
    expect(wrong).toEqual([]);
  });

  test('never add up what several servers say alike', () => {
    // A sum is taken over labels of one source only: what is summed was brought together by `max by` first.
    const bare = uses.filter(({ expr }) => /\bsum(?:\s+(?:by|without)\s*\([^)]*\))?\s*\((?!\s*max\b)/.test(expr));
    expect(bare).toEqual([]);
  });
});

test('every alert says what happened and what to do, and the ones that were asked for are there', () => {
  for (const { labels, annotations } of rules) {
    expect(labels).toHaveProperty('severity');
    expect(annotations.summary?.length).toBeGreaterThan(10);
    expect(annotations.description?.length).toBeGreaterThan(40);
  }
  expect(rules.map((rule) => rule.alert)).toEqual(
    expect.arrayContaining([
      'ReelfleetOldestWaits',
      'ReelfleetNoWorkersForStage',
      'ReelfleetDeadLetters',
      'ReelfleetScratchFull',
      'ReelfleetStorageFull',
      'ReelfleetBeatsLate',
    ]),
  );
});

test('panels lie side by side, none over another, each with a title', () => {
  const placed = (
    dashboard.panels as unknown as { title: string; gridPos: Record<'x' | 'y' | 'w' | 'h', number> }[]
  ).map(({ title, gridPos }) => ({ title, ...gridPos }));
  for (const one of placed) {
    expect(one.title).not.toBe('');
    expect(one.x + one.w).toBeLessThanOrEqual(24);
    const over = placed.filter(
      (other) =>
        other !== one &&
        other.x < one.x + one.w &&
        one.x < other.x + other.w &&
        other.y < one.y + one.h &&
        one.y < other.y + other.h,
    );
    expect(over.map((other) => `${other.title} over ${one.title}`)).toEqual([]);
  }
});

test('the server exposes every metric that is defined, with its meaning', () => {
  const missing = definitions.filter(({ name, help: meaning }) => help.get(name) !== meaning);
  expect(missing.map(({ name }) => name)).toEqual([]);
  for (const { name, type } of definitions)
    expect(name, `a ${type}`).toMatch(type === 'counter' ? /_total$/ : /(?<!_total)$/);
});

test('docs/operations.md lists every metric with its type, labels and meaning', () => {
  const rows = [buildMetric, ...definitions.filter(({ name }) => name !== buildMetric.name)].map(
    ({ name, type, labels, help: meaning }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${meaning} |`,
  );
  const written = read('docs/operations.md').match(/^\| `reelfleet_.*$/gm) ?? [];
  expect(written).toEqual(rows);
});
