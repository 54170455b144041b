/**
 * How moments are asked for, as orders carry it: what the order says, and what is asked where it says nothing. The rows of it are
 * made when all orders of a call have been found right, once for each content.
 */
import type { ConfigWish, EnsuredConfig, OperatorLedger } from '@reelfleet/core';
import { configDefaults } from '@reelfleet/pipelines';
import { v7 } from 'uuid';
import type { Wish } from './order-moments.ts';
import type { CheckedOrder } from './orders.ts';

/** The configs of one order. */
export interface Configs {
  config: EnsuredConfig;
  refinement?: EnsuredConfig;
}

export type ConfigWishes = { generation: ConfigWish; refinement: ConfigWish | null };

/** `model`: where the order names none. A bound that is given moves a default that would contradict it. */
export function wishesOf(wish: Wish, model: string): ConfigWishes {
  const asked = (operationType: ConfigWish['operationType']): ConfigWish => {
    const { systemPrompt, userPrompt, ...defaults } = configDefaults(operationType);
    const [minMomentLength, maxMomentLength] = bounds(
      [wish.minMomentLength, wish.maxMomentLength],
      [defaults.minMomentLength, defaults.maxMomentLength],
    );
    const [minMoments, maxMoments] = bounds(
      operationType === 'generation' ? [wish.minMoments, wish.maxMoments] : [null, null],
      [defaults.minMoments, defaults.maxMoments],
    );
    return {
      systemPrompt,
      userPrompt: (operationType === 'generation' ? wish.userPrompt : wish.refine) ?? userPrompt,
      model: wish.model ?? model,
      operationType,
      temperature: wish.temperature ?? defaults.temperature,
      topP: wish.topP ?? defaults.topP,
      topK: wish.topK ?? defaults.topK,
      minMomentLength,
      maxMomentLength,
      minMoments,
      maxMoments,
    };
  };
  return { generation: asked('generation'), refinement: wish.refine === null ? null : asked('refinement') };
}

type Bounds = readonly [least: number | null, most: number | null];

function bounds([least, most]: Bounds, [usualLeast, usualMost]: Bounds): Bounds {
  const below = (a: number | null, b: number | null) => (a === null || b === null ? a : Math.min(a, b));
  const above = (a: number | null, b: number | null) => (a === null || b === null ? a : Math.max(a, b));
  return [least ?? below(usualLeast, most), most ?? above(usualMost, least)];
}

/** For the look of a run that is not to be written. */
const provisional = ({ generation, refinement }: ConfigWishes): Configs => {
  const made = ({ transcriptId: _, ...wish }: ConfigWish): EnsuredConfig => ({ ...wish, id: v7(), promptId: v7() });
  return { config: made(generation), ...(refinement ? { refinement: made(refinement) } : {}) };
};

/** Makes rows, each content once however many orders want it. */
export function openConfigs(ledger: Pick<OperatorLedger, 'ensureConfig'>) {
  const known = new Map<string, Promise<EnsuredConfig>>();
  const ensured = (wish: ConfigWish, transcriptId: string | null): Promise<EnsuredConfig> => {
    const key = JSON.stringify(wish);
    const there = known.get(key) ?? ledger.ensureConfig({ ...wish, transcriptId });
    known.set(key, there);
    return there;
  };
  return async ({ generation, refinement }: ConfigWishes, transcriptId: string | null): Promise<Configs> => ({
    config: await ensured(generation, transcriptId),
    ...(refinement ? { refinement: await ensured(refinement, transcriptId) } : {}),
  });
}

/** Of an order that looks for moments; null for any other. */
const wishesOfOrder = (order: CheckedOrder, model: string): ConfigWishes | null =>
  order.kind === 'moments' || order.kind === 'full' ? wishesOf(order.wish, model) : null;

/** As {@link provisional}, for any order. */
export function provisionalOf(order: CheckedOrder, model: string): Configs | undefined {
  const wishes = wishesOfOrder(order, model);
  return wishes ? provisional(wishes) : undefined;
}

/** The rows of these orders, by the place of each; `transcriptOf` knows what a config is first wanted for. */
export async function configsOfAll(
  ensure: ReturnType<typeof openConfigs>,
  orders: readonly CheckedOrder[],
  model: string,
  transcriptOf: (order: CheckedOrder) => string | null,
): Promise<(Configs | undefined)[]> {
  const configs: (Configs | undefined)[] = [];
  for (const order of orders) {
    const wishes = wishesOfOrder(order, model);
    configs.push(wishes ? await ensure(wishes, transcriptOf(order)) : undefined);
  }
  return configs;
}
