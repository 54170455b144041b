/**
 * Prompts and generation configs: rows that say how moments were asked for, one for each content. Seed 003 hashes the fields
 * joined together, where ("ab", "c") and ("a", "bc") are one; here the hash is the SHA-256 of the JSON array of the same fields
 * in the same order, nulls kept, `transcript_id` left out so that a config serves any number of videos.
 */
import { createHash } from 'node:crypto';
import type { ConfigWish, EnsuredConfig, Generation } from '@reelfleet/core';
import { v7 } from 'uuid';
import { type Database, json, text, toJson } from './client.ts';

const sha256 = (plain: string): string => createHash('sha256').update(plain).digest('hex');

/** `prompt_hash`: 64 hex digits. */
export const promptHash = ({ userPrompt, systemPrompt }: Pick<Generation, 'userPrompt' | 'systemPrompt'>): string =>
  sha256(toJson([userPrompt, systemPrompt]));

/** `config_hash`: 64 hex digits. */
export const configHash = (config: Omit<ConfigWish, 'userPrompt' | 'systemPrompt'> & { promptId: string }): string =>
  sha256(`["${config.promptId}"${hashedAfterPrompt(config)}`);

const hashedAfterPrompt = (config: Omit<ConfigWish, 'userPrompt' | 'systemPrompt'>): string =>
  `,${toJson([
    ...[config.model, config.operationType, config.temperature, config.topP, config.topK],
    ...[config.minMomentLength, config.maxMomentLength, config.minMoments, config.maxMoments],
  ]).slice(1)}`;

/**
 * The config of this content and its prompt: the rows that there are, or new ones. Safe when many ask at once, and when it is
 * asked again after a lost answer.
 */
export async function ensureConfig(db: Database, wish: ConfigWish): Promise<EnsuredConfig> {
  const { transcriptId = null, ...rest } = wish;
  const { systemPrompt, userPrompt, ...config } = { ...rest, ...storable(rest) };
  const prompt = {
    id: v7(),
    user_prompt: userPrompt,
    system_prompt: systemPrompt,
    prompt_hash: promptHash({ userPrompt, systemPrompt }),
  };
  const row = {
    id: v7(),
    transcript_id: transcriptId,
    model: config.model,
    operation_type: config.operationType,
    temperature: config.temperature,
    top_p: config.topP,
    top_k: config.topK,
    min_moment_length: config.minMomentLength,
    max_moment_length: config.maxMomentLength,
    min_moments: config.minMoments,
    max_moments: config.maxMoments,
  };
  const ids = await db.call<{ id: string; promptId: string }>(
    'ensure_config',
    json(prompt),
    json(row),
    text(hashedAfterPrompt(config)),
  );
  return { ...config, systemPrompt, userPrompt, ...ids };
}

/** Texts as Postgres can keep them, so that the hash is of what is kept. */
const storable = <T extends Record<string, unknown>>(values: T): T => JSON.parse(toJson(values)) as T;
