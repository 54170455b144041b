/** What the page knows of runs: answers of the REST interface with the stream's news laid over them. */
import { expect, test } from 'vitest';
import type { RunDetails, RunRow, TaskRow } from './api.ts';
import { Heard } from './heard.ts';
import { pageKey, parseRoute, to } from './router.ts';
import { RunList } from './run-list.ts';
import { RunState } from './run-state.ts';

const run = (id: string, status: RunRow['status'] = 'running') => ({ id, status, openTasks: 1 }) as RunRow;
const ids = (list: RunList) => list.runs.map((one) => one.id);

test('a list is newest first, whatever comes in which order', () => {
  const list = new RunList(null);
  list.start({ runs: [run('5'), run('4')], next: '4' });
  list.put(run('6'));
  list.more({ runs: [run('3'), run('2')], next: null });
  expect(ids(list)).toEqual(['6', '5', '4', '3', '2']);
});

test('a run older than the pages loaded waits for its page', () => {
  const list = new RunList(null);
  list.start({ runs: [run('5'), run('4')], next: '4' });
  list.put(run('1'));
  expect(ids(list)).toEqual(['5', '4']);
  list.more({ runs: [run('3')], next: null });
  list.put(run('1'));
  expect(ids(list)).toEqual(['5', '4', '3', '1']);
});

test('a run leaves a filtered list with its status and comes with it', () => {
  const list = new RunList('running');
  list.start({ runs: [run('5')], next: null });
  list.put(run('6', 'queued'));
  list.put(run('5', 'completed'));
  list.put(run('6', 'running'));
  expect(ids(list)).toEqual(['6']);
});

test('the first page anew keeps older pages, and drops what is gone from its own stretch', () => {
  const list = new RunList(null);
  list.start({ runs: [run('5'), run('4')], next: '4' });
  list.more({ runs: [run('3'), run('2')], next: '2' });
  list.start({ runs: [run('6'), run('4')], next: '4' });
  expect(ids(list)).toEqual(['6', '4', '3', '2']);
  expect(list.next).toBe('2');
});

const taskRow = (more: Partial<TaskRow>) =>
  ({ id: 't', status: 'running', stateVersion: 3, progressPercent: 10, currentStep: null, ...more }) as TaskRow;
const details = (task: TaskRow): RunDetails => ({ run: run('1'), tasks: [task], artifacts: [] });

test('an older change of a task is no news, neither from the stream nor from an answer that was slow', () => {
  const state = new RunState(details(taskRow({ stateVersion: 3 })));
  expect(state.putTask({ id: 't', status: 'queued', stateVersion: 2 })).toBe(false);
  expect(state.details.tasks[0]?.status).toBe('running');
  state.putTask({ id: 't', status: 'completed', stateVersion: 4 });
  state.load(details(taskRow({ stateVersion: 3 })));
  expect(state.details.tasks[0]?.status).toBe('completed');
});

test('an answer that was asked for before the stream told of the end does not bring a run back, nor a retry to its end', async () => {
  const heard = new Heard<RunRow>();
  const state = new RunState({ ...details(taskRow({})), run: run('1') });
  const list = new RunList(null);
  list.start({ runs: [run('1')], next: null });
  const filtered = new RunList('running');
  filtered.start({ runs: [run('1')], next: null });
  for (const [answered, told] of [
    ['running', 'completed'],
    ['failed', 'running'],
  ] as const) {
    const slow = Promise.withResolvers<RunRow>();
    const asked = heard.during(slow.promise);
    heard.hear(run('1', told));
    state.putRun(run('1', told));
    slow.resolve(run('1', answered));
    const { answer, meanwhile } = await asked;
    state.load({ ...details(taskRow({})), run: answer }, meanwhile.get('1'));
    expect(state.details.run.status).toBe(told);
    list.start({ runs: [answer], next: null }, meanwhile);
    expect(list.runs[0]?.status).toBe(told);
    filtered.more({ runs: [answer], next: null }, meanwhile);
    expect(ids(filtered)).toEqual(told === 'running' ? ['1'] : []);
  }
  // What was told before the question is in the answer.
  const { answer, meanwhile } = await heard.during(Promise.resolve(run('1', 'failed')));
  state.load({ ...details(taskRow({})), run: answer }, meanwhile.get('1'));
  expect(state.details.run.status).toBe('failed');
});

test('progress moves only what runs', () => {
  const state = new RunState(details(taskRow({})));
  state.putProgress({ runId: '1', tasks: [{ id: 't', progressPercent: 40, currentStep: 'painting' }] });
  expect(state.details.tasks[0]).toMatchObject({ progressPercent: 40, currentStep: 'painting' });
  state.putTask({ id: 't', status: 'completed', stateVersion: 4, progressPercent: 100 });
  state.putProgress({ runId: '1', tasks: [{ id: 't', progressPercent: 60, currentStep: 'painting' }] });
  expect(state.details.tasks[0]?.progressPercent).toBe(100);
});

test('a fresh answer is asked for when a task is new or has ended, and otherwise not', () => {
  const state = new RunState(details(taskRow({})));
  expect(state.putTask({ id: 'child', status: 'queued', stateVersion: 1 })).toBe(true);
  expect(state.putTask({ id: 't', status: 'queued', stateVersion: 4 })).toBe(false);
  expect(state.putTask({ id: 't', status: 'completed', stateVersion: 5 })).toBe(true);
});

test('every link leads to the page it names', () => {
  const odd = 'a/b?c#d%';
  expect(parseRoute(to.runs('failed'))).toEqual({ page: 'runs', status: 'failed' });
  expect(parseRoute(to.taskOfRun(odd, odd))).toEqual({ page: 'run', run: odd, task: odd });
  expect(parseRoute(to.video(odd))).toEqual({ page: 'video', video: odd });
  expect(parseRoute(to.task(odd))).toEqual({ page: 'task', task: odd });
  expect(parseRoute('')).toEqual({ page: 'runs', status: null });
  expect(parseRoute('#/nowhere/50%')).toEqual({ page: 'unknown', path: '/nowhere/50%' });
  expect(pageKey(parseRoute(to.run('1')))).toBe(pageKey(parseRoute(to.taskOfRun('1', '2'))));
});
