/**
 * An object of a bucket gets another name without its bytes coming here: the service copies it, create-only, and the old
 * name goes when the new one is there. Killed in between, both are there, and whoever asks again finishes it.
 * https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
 */
import type { GcsClient } from './gcs-client.ts';
import { GcsFailure, isNoObject } from './gcs-errors.ts';
import { factsOf } from './gcs-object.ts';
import { Tries } from './gcs-patience.ts';
import type { ObjectFacts } from './gcs-upload.ts';
import { missingObject, objectExists } from './local-errors.ts';

/** What the service says of a copy on its way: a big one takes several requests. */
interface Rewrite {
  done?: boolean;
  rewriteToken?: string;
  totalBytesRewritten?: string;
}

/**
 * Gives an object another name inside the bucket: copied by the service, then deleted, both bound to the generation that
 * was seen, so that a copy is of these bytes and nothing newer is removed. Every request can be repeated: a copy that had
 * arrived after all finds itself, equal. Answers the facts of what has the new name.
 */
export async function moveObject(
  client: GcsClient,
  name: string,
  to: { name: string; uri: string; sizeBytes?: number | undefined },
  uri: string,
  signal: AbortSignal | undefined,
): Promise<ObjectFacts> {
  for (;;) {
    const source = name === to.name ? null : await factsOf(client, name, signal);
    const copied = source && (await copyObject(client, source, to.name, signal));
    const there = await factsOf(client, to.name, signal);
    if (source && there && !copied && !sameBytes(source, there)) throw objectExists(to.uri);
    if (!there || (to.sizeBytes !== undefined && Number(there.size) !== to.sizeBytes)) {
      // The source went while it was copied: somebody else moves it too, and is looked after by the next round.
      if (source && copied === null) continue;
      throw missingObject(uri);
    }
    signal?.throwIfAborted();
    if (source) await discardSource(client, source, signal);
    return there;
  }
}

function sameBytes(one: ObjectFacts, two: ObjectFacts): boolean {
  const sums = [one.metadata?.sha256, two.metadata?.sha256];
  const differ = sums[0] !== undefined && sums[1] !== undefined && sums[0] !== sums[1];
  return one.size === two.size && one.crc32c === two.crc32c && !differ;
}

/** True: copied; false: the name is taken, by our own copy perhaps; null: the source is not there any more, or is another. */
async function copyObject(
  client: GcsClient,
  source: ObjectFacts,
  to: string,
  signal: AbortSignal | undefined,
): Promise<boolean | null> {
  const tries = new Tries(client.patience, signal);
  const query: Record<string, string> = { ifGenerationMatch: '0', sourceGeneration: source.generation };
  for (let rewritten = 0; ; ) {
    try {
      const said = await client.ask<Rewrite | null>({
        method: 'POST',
        path: `${client.objects(source.name)}/rewriteTo${client.objects(to).slice('/storage/v1'.length)}`,
        query,
        signal,
      });
      if (said?.done) return true;
      if (!said?.rewriteToken) throw new GcsFailure('unusable', 'it did not say how the copy goes on');
      query.rewriteToken = said.rewriteToken;
      if (Number(said.totalBytesRewritten) > rewritten) tries.progressed();
      rewritten = Number(said.totalBytesRewritten);
    } catch (error) {
      if (error instanceof GcsFailure && error.kind === 'exists') return false;
      if (isNoObject(error)) return null;
      await tries.after(error);
    }
  }
}

async function discardSource(client: GcsClient, source: ObjectFacts, signal: AbortSignal | undefined): Promise<void> {
  const path = client.objects(source.name);
  const query = { ifGenerationMatch: source.generation };
  await new Tries(client.patience, signal)
    .run(() => client.ask({ method: 'DELETE', path, query, signal }))
    .catch((error) => {
      // Gone by a request whose answer was lost; or stored anew meanwhile, which is another object and stays.
      if (!isNoObject(error) && !(error instanceof GcsFailure && error.kind === 'exists')) throw error;
    });
}
