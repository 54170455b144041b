import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTemplate, expand, instantiate, nodeOf, type PipelineNode, runStatus } from './pipeline.ts';
import { defineStage } from './stage.ts';

let ids = 0;
const stage = defineStage({
  name: 'work',
  description: 'works',
  input: z.unknown(),
  output: z.unknown(),
  policy: { maxAttempts: 4 },
  run: async () => null,
});
const making = { newId: () => `id-${++ids}`, stages: new Map([['work', stage]]) };
const node = (key: string, more: Partial<PipelineNode> = {}): PipelineNode => ({
  key,
  stage: 'work',
  phase: key,
  title: () => key,
  input: () => null,
  ...more,
});
const template = (nodes: PipelineNode[]) => defineTemplate({ name: 't', params: z.unknown(), nodes });

const album = template([
  node('plan'),
  node('music', {
    each: {
      of: 'plan',
      items: (output: { n: number }) =>
        Array.from({ length: output.n }, (_, i) => ({ suffix: `0${i + 1}`, title: `music ${i + 1}`, payload: { i } })),
    },
  }),
  node('image', {
    each: {
      of: 'plan',
      items: (output: { n: number }) =>
        Array.from({ length: output.n }, (_, i) => ({
          suffix: `0${i + 1}`,
          title: `image ${i + 1}`,
          payload: {},
          needs: [`music/0${i + 1}`],
        })),
    },
  }),
  node('render', { needs: ['plan', 'music/*', { on: 'image/*', kind: 'soft' }] }),
  node('extra', {
    needs: [{ on: 'render', kind: 'soft' }],
    optional: true,
    unless: { of: 'plan', when: (output: { extra: boolean }) => !output.extra },
  }),
]);

describe('a template', () => {
  test('starts with its static nodes, and a need of a fan-out waits for the expander', () => {
    const { tasks, edges } = instantiate(album, {}, making);
    expect(tasks.map((task) => [task.key, task.position, task.maxAttempts, task.optional])).toEqual([
      ['plan', 0, 4, false],
      ['render', 3, 4, false],
      ['extra', 4, 4, true],
    ]);
    expect(edges).toEqual([
      { task: 'render', on: 'plan', kind: 'hard' },
      { task: 'extra', on: 'render', kind: 'soft' },
      { task: 'extra', on: 'plan', kind: 'hard' },
    ]);
  });

  test('expands into children with deterministic keys, their needs, and edges from those who join them', () => {
    const { tasks, edges, skip } = expand(album, 'plan', { n: 2, extra: false }, {}, making);
    expect(tasks.map((task) => `${task.key} ${task.title}`)).toEqual([
      'music/01 music 1',
      'music/02 music 2',
      'image/01 image 1',
      'image/02 image 2',
    ]);
    expect(edges.map((edge) => `${edge.task} <- ${edge.on} ${edge.kind}`)).toEqual([
      'music/01 <- plan hard',
      'music/02 <- plan hard',
      'image/01 <- plan hard',
      'image/01 <- music/01 hard',
      'image/02 <- plan hard',
      'image/02 <- music/02 hard',
      'render <- music/01 hard',
      'render <- music/02 hard',
      'render <- image/01 soft',
      'render <- image/02 soft',
    ]);
    expect(skip).toEqual(['extra']);
  });

  test('gives nothing to do when a task that expands nothing completes', () => {
    expect(expand(album, 'render', {}, {}, making)).toEqual({ tasks: [], edges: [], skip: [] });
  });

  test('starts with the children that its params make, each waiting for its own, and whoever joins them waits for all', () => {
    const children = (of: string, needs: (n: number) => string[] = () => []) =>
      node(of, {
        optional: true,
        each: {
          items: ({ n }: { n: number }) =>
            Array.from({ length: n }, (_, i) => ({
              suffix: `0${i + 1}`,
              title: `${of} ${i + 1}`,
              payload: { i },
              needs: needs(i + 1),
            })),
        },
      });
    const clips = template([
      children('clip'),
      children('picture', (n) => [`clip/0${n}`]),
      node('list', { needs: [{ on: 'picture/*', kind: 'soft' }] }),
    ]);
    const { tasks, edges } = instantiate(clips, { n: 2 }, making);
    expect(
      tasks.map(({ key, title, position, payload, optional }) => [key, title, position, payload, optional]),
    ).toEqual([
      ['clip/01', 'clip 1', 0, { i: 0 }, true],
      ['clip/02', 'clip 2', 0, { i: 1 }, true],
      ['picture/01', 'picture 1', 1, { i: 0 }, true],
      ['picture/02', 'picture 2', 1, { i: 1 }, true],
      ['list', 'list', 2, {}, false],
    ]);
    expect(edges.map((edge) => `${edge.task} <- ${edge.on} ${edge.kind}`)).toEqual([
      'picture/01 <- clip/01 hard',
      'picture/02 <- clip/02 hard',
      'list <- picture/01 soft',
      'list <- picture/02 soft',
    ]);
    expect(nodeOf(clips, 'clip/02').key).toBe('clip');
    expect(expand(clips, 'clip/01', {}, { n: 2 }, making)).toEqual({ tasks: [], edges: [], skip: [] });
    expect(instantiate(clips, { n: 0 }, making).tasks.map(({ key }) => key)).toEqual(['list']);
  });

  test('knows the node of a child', () => {
    expect(nodeOf(album, 'music/02').key).toBe('music');
    expect(() => nodeOf(album, 'nothing')).toThrow('template t has no node for task nothing');
  });

  test.each<[string, PipelineNode[], RegExp]>([
    ['a key used twice', [node('a'), node('a')], /used twice/],
    ['a need of something unknown', [node('a', { needs: ['b'] })], /needs b, which is not a node before it/],
    ['an expander that comes later', [node('a', { each: { of: 'b', items: () => [] } }), node('b')], /expands from b/],
    [
      'a fan-out needed without a star',
      [node('a'), node('b', { each: { of: 'a', items: () => [] } }), node('c', { needs: ['b'] })],
      /write b\/\*/,
    ],
    [
      'children of an output that need those of the params by a star',
      [
        node('a'),
        node('b', { each: { items: () => [] } }),
        node('c', { each: { of: 'a', items: () => [] }, needs: ['b/*'] }),
      ],
      /same expander/,
    ],
    [
      'a fan-out of the params with a condition',
      [node('a'), node('b', { each: { items: () => [] }, unless: { of: 'a', when: () => true } })],
      /leave `unless` out/,
    ],
    ['a single node needed with a star', [node('a'), node('b', { needs: ['a/*'] })], /write a for its need/],
  ])('is refused for %s', (_name, nodes, message) => {
    expect(() => template(nodes)).toThrow(message);
  });
});

describe("a run's status", () => {
  const of = (list: string, run = { cancelRequested: false, claimedOnce: true }) =>
    runStatus(
      list.split(' ').map((word) => ({ status: word.replace('?', '') as never, optional: word.endsWith('?') })),
      run,
    );
  test.each([
    ['queued blocked', 'running'],
    ['completed waiting', 'running'],
    ['completed completed', 'completed'],
    ['completed skipped', 'completed'],
    ['failed completed', 'failed'],
    ['failed running', 'running'],
    ['failed? completed', 'partial'],
    ['cancelled? completed', 'partial'],
    ['failed? skipped?', 'partial'],
    ['failed? queued?', 'running'],
    ['cancelled completed', 'cancelled'],
    ['failed cancelled', 'failed'],
    ['blocked completed', 'stuck'],
  ])('of %s is %s', (tasks, status) => {
    expect(of(tasks)).toBe(status);
  });
  test('is queued before the first claim', () => {
    expect(of('queued blocked', { cancelRequested: false, claimedOnce: false })).toBe('queued');
  });
  test('is cancelled when that was asked and anything was, even beside a failure', () => {
    expect(of('failed cancelled', { cancelRequested: true, claimedOnce: true })).toBe('cancelled');
    expect(of('completed completed', { cancelRequested: true, claimedOnce: true })).toBe('completed');
  });
});
