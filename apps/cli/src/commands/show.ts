/**
 * Looking closer: `show RUN` (its tasks, what they need, its files), `show TASK` (its audit trail), `logs TASK` (the kept
 * last lines of a program that failed), `why TASK` (what it waits for).
 */
import type { AuditRow, Operator, RunDetails, RunRow, TaskRow } from '@reelfleet/catalog';
import type { Register } from '../program.ts';
import { status } from '../ui/colour.ts';
import { bytes, count, duration, localTime, plain, sentence, withLocalTimes } from '../ui/format.ts';
import type { Output } from '../ui/output.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('show')
    .description("show a run's tasks and files, or a task's audit trail")
    .argument('<run|task>')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const found = await operator.find(ref);
          if (found.kind === 'run') {
            const details = await operator.run(found.id);
            if (json) cli.out.json(runJson(details));
            else showRun(details, cli.out);
          } else {
            const details = await operator.task(found.id);
            if (json) cli.out.json({ task: details.task, run: { id: details.run.id }, audit: details.audit });
            else showTask(details, cli.out);
          }
        });
      }),
    );

  program
    .command('logs')
    .description('print the last lines that the programs of a failed attempt wrote')
    .argument('<task>')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const { task, errorTail } = await operator.task(ref);
          if (json) return cli.out.json({ taskId: task.id, lines: errorTail?.split('\n') ?? [] });
          if (errorTail === null) cli.out.note(`no attempt of ${task.key} left any lines`);
          else for (const line of errorTail.split('\n')) cli.out.line(plain(line));
        });
      }),
    );

  program
    .command('why')
    .description('say what a task waits for')
    .argument('<task>')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const reasons = await operator.why(ref);
          if (json) cli.out.json({ reasons });
          else for (const reason of reasons) cli.out.line(withLocalTimes(reason));
        });
      }),
    );
};

/** The shape that scripts rely on. */
export function runJson({ run, tasks, artifacts }: RunDetails): object {
  return {
    run,
    tasks: tasks.map((task) => ({
      id: task.id,
      key: task.key,
      stage: task.stage,
      status: task.status,
      stateVersion: task.stateVersion,
      attemptNumber: task.attemptNumber,
      progressPercent: task.progressPercent,
      workerName: task.workerName,
      failures: task.failures,
      maxAttempts: task.maxAttempts,
      crashes: task.crashes,
      maxCrashes: task.maxCrashes,
      runAfter: task.runAfter,
      claimExpiresAt: task.claimExpiresAt,
      errorCode: task.errorCode,
      lastError: task.lastError,
    })),
    artifacts: artifacts.map(({ kind, uri, sha256, sizeBytes }) => ({ kind, uri, sha256, sizeBytes })),
  };
}

/** `label  value` lines with aligned values. */
export function facts(out: Output, pairs: readonly (readonly [string, string | null | undefined])[]): void {
  const shown = pairs.filter(
    (pair): pair is [string, string] => pair[1] !== null && pair[1] !== undefined && pair[1] !== '',
  );
  const wide = Math.max(0, ...shown.map(([label]) => label.length));
  for (const [label, value] of shown) out.line(`${out.paint('dim', label.padEnd(wide))}  ${value}`);
}

function runFacts(run: RunRow, out: Output): [string, string | null][] {
  return [
    ['run', `${run.identifier}  ${out.paint('dim', run.id)}`],
    ['title', run.title && plain(run.title)],
    ['template', run.template],
    [
      'status',
      `${status(out.paint, run.status)}${run.status === 'running' && run.phase ? ` (${run.phase})` : ''}${run.cancelRequestedAt && run.status !== 'cancelled' ? ', cancel asked for' : ''}`,
    ],
    ['created', localTime(run.createdAt)],
    ['took', run.durationSeconds === null ? null : duration(run.durationSeconds)],
    ['error', run.errorMessage && out.paint('red', `${run.errorStage ?? ''}: ${sentence(run.errorMessage)}`)],
  ];
}

function showRun({ run, tasks, artifacts }: RunDetails, out: Output): void {
  facts(out, runFacts(run, out));
  out.line();
  out.table(tasks, [
    { title: 'TASK', value: (task) => task.key },
    {
      title: 'STATUS',
      value: (task) => task.status,
      paint: (text, task) => text.replace(task.status, status(out.paint, task.status)),
    },
    { title: '%', value: (task) => String(task.progressPercent), align: 'right' },
    { title: 'TRY', value: (task) => (task.attemptNumber > 0 ? String(task.attemptNumber) : ''), align: 'right' },
    { title: 'WORKER', value: (task) => task.workerName ?? '', flexible: true },
    { title: 'TOOK', value: took, align: 'right' },
    { title: 'NEEDS', value: needs, flexible: true },
    {
      title: 'WHAT',
      value: (task) =>
        ((task.lastError && sentence(task.lastError)) ||
          (task.status === 'running' && task.currentStep) ||
          task.title) ??
        '',
      flexible: true,
    },
  ]);
  if (artifacts.length === 0) return;
  const total = artifacts.reduce((sum, artifact) => sum + artifact.sizeBytes, 0);
  out.line();
  out.line(`${count(artifacts.length, 'file')}, ${bytes(total)}`);
  out.table(artifacts.slice(-12), [
    { title: 'KIND', value: (artifact) => artifact.kind },
    { title: 'OF', value: (artifact) => artifact.taskKey ?? '' },
    { title: 'SIZE', value: (artifact) => bytes(artifact.sizeBytes), align: 'right' },
    { title: 'SHA-256', value: (artifact) => artifact.sha256.slice(0, 12) },
    { title: 'FILE', value: (artifact) => artifact.uri, flexible: true },
  ]);
  if (artifacts.length > 12) out.line(out.paint('dim', `and ${artifacts.length - 12} before these: --json lists all`));
}

/** Needs as people wrote them: several children of one node as `music/*`. */
function needs(task: TaskRow): string {
  const byNode = Map.groupBy(task.needs, (key) => key.split('/')[0] ?? key);
  return [...byNode].map(([node, keys]) => (keys.length > 1 ? `${node}/*` : keys[0])).join(' ');
}

function took(task: TaskRow): string {
  if (!task.startedAt || !task.completedAt) return '';
  return duration((Date.parse(task.completedAt) - Date.parse(task.startedAt)) / 1000);
}

function showTask({ task, run, audit }: Awaited<ReturnType<Operator['task']>>, out: Output): void {
  facts(out, [
    ['task', `${task.key}  ${out.paint('dim', task.id)}`],
    ['title', task.title && plain(task.title)],
    ['stage', task.stage],
    ['run', `${run.identifier}  ${out.paint('dim', run.id)}`],
    ['status', `${status(out.paint, task.status)}, version ${task.stateVersion}`],
    [
      'progress',
      task.status === 'running'
        ? `${task.progressPercent} %${task.currentStep ? `, ${plain(task.currentStep)}` : ''}`
        : null,
    ],
    ['worker', task.workerName],
    [
      'attempts',
      `${task.attemptNumber}; errors ${task.failures} of ${task.maxAttempts}, crashes ${task.crashes} of ${task.maxCrashes}`,
    ],
    ['needs', task.needs.join(', ')],
    ['due', task.runAfter && task.status === 'queued' ? localTime(task.runAfter) : null],
    ['lease to', task.claimExpiresAt && localTime(task.claimExpiresAt)],
    ['error', task.lastError && out.paint('red', `${task.errorCode ?? 'error'}: ${sentence(task.lastError)}`)],
  ]);
  out.line();
  out.table<AuditRow>(audit, [
    { title: 'V', value: (row) => String(row.stateVersion), align: 'right' },
    { title: 'AT', value: (row) => localTime(row.at) },
    { title: 'WHAT', value: (row) => row.action },
    { title: 'FROM', value: (row) => row.from ?? '' },
    { title: 'TO', value: (row) => row.to, paint: (text, row) => text.replace(row.to, status(out.paint, row.to)) },
    { title: 'WHO', value: (row) => row.actorName ?? row.actor, flexible: true },
    { title: 'ERROR', value: (row) => row.error ?? '', flexible: true },
  ]);
}
