/** How runs get into the yard: as the product's operator does it, with the yard's own pipelines beside the album. */
import { randomUUID } from 'node:crypto';
import { enqueueOrders } from '@reelfleet/catalog';
import { instantiate, type OperatorLedger, type Storage } from '@reelfleet/core';
import type { Reads } from '@reelfleet/db';
import type { TicketQueue } from '@reelfleet/fleet';
import { allStageNames, narrowed } from '@reelfleet/pipelines';
import { repertoire } from './stages.ts';

const ACTOR = 'chaos';

export interface OrderDeps {
  readonly operator: OperatorLedger;
  readonly queue: TicketQueue;
  readonly storage: Storage;
  readonly reads: Reads;
}

/** An album small enough to be made between two faults. */
const SMALL = { width: 320, height: 180, fps: 10 } as const;

/** Enqueue; answers with the runs' ids once the ledger has them. Their tickets may have been lost on the way. */
export async function enqueue(
  deps: OrderDeps,
  template: string,
  params: Record<string, unknown>,
  count = 1,
): Promise<string[]> {
  if (template === 'album') return enqueueAlbums(deps, params, count);
  const asked = repertoire.templates.get(template);
  if (!asked) throw new Error(`the yard has no template ${template}`);
  const checked = asked.params.parse(params) as Record<string, unknown>;
  // Of `single` only the node of the stage that is asked for.
  const found = template === 'single' ? narrowed(asked, String(checked.stage)) : asked;
  const items = Array.from({ length: count }, () => {
    const id = randomUUID();
    const { tasks, edges } = instantiate(found, checked, { newId: randomUUID, stages: repertoire.stages });
    return {
      run: {
        id,
        identifier: `chaos:${template}:${id}`,
        idempotencyKey: null,
        template,
        videoId: null,
        channelId: null,
        generationConfigId: null,
        params: checked,
        priority: 0,
        phase: tasks[0]?.phase ?? '',
      },
      tasks,
      edges,
      before: [],
      after: [],
    };
  });
  const { runs, tickets } = await deps.operator.enqueue(items, ACTOR);
  await deps.queue.send(tickets);
  return runs.map(({ runId }) => runId);
}

async function enqueueAlbums(deps: OrderDeps, params: Record<string, unknown>, count: number): Promise<string[]> {
  const order = {
    kind: 'album' as const,
    channel: 'Chaos Court',
    niche: 'Royal Court Ambience',
    moods: ['calm', 'stately'],
    preview: true,
    tracks: 2,
    seconds: 5,
    ...params,
  };
  const answers = await enqueueOrders(
    {
      // The same order as an operator's, in a picture that costs a hundredth.
      ledger: {
        enqueue: (items, actor) =>
          deps.operator.enqueue(
            items.map((item) => ({ ...item, run: { ...item.run, params: { ...item.run.params, ...SMALL } } })),
            actor,
          ),
        ensureConfig: (wish) => deps.operator.ensureConfig(wish),
      },
      reads: deps.reads.db,
      storage: deps.storage,
      templates: repertoire.templates,
      stages: repertoire.stages,
      allStageNames,
      actor: ACTOR,
      languageModel: 'builtin',
      send: (tickets) => deps.queue.send(tickets),
    },
    Array.from({ length: count }, () => order),
  );
  return answers.map(({ runId }) => runId);
}
