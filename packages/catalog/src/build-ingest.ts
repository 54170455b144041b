/**
 * An order of a source as rows: the video it becomes, filed under what the order says, around a run that begins by importing it:
 * of template `ingest`, or `full`. An uploaded file is named by its row in the same statement, so that it is somebody's from the moment the run is accepted.
 */
import { type EnqueueItem, instantiate, PermanentError, type RowChange, UserError } from '@reelfleet/core';
import { v7 } from 'uuid';
import { type BuildDeps, type Identifiers, paramsOf, templateOf } from './build.ts';
import type { Names } from './names.ts';
import type { CheckedIngest, IngestPart, IngestSource } from './order-ingest.ts';
import { wrong } from './order-words.ts';
import { identifierOf, slug } from './references.ts';

/** Where a file lies that came for a run which is not accepted yet: of its run, so that it lives and ends with it. */
export const uploadKey = (runId: string, name: string): string => `runs/${runId}/upload/${name}`;

export const buildIngest = (
  deps: BuildDeps,
  order: CheckedIngest,
  names: Names,
  identifiers: Identifiers,
): EnqueueItem =>
  buildFromSource(
    deps,
    order,
    { template: 'ingest', key: order.key, priority: order.priority, generationConfigId: null, params: {} },
    names,
    identifiers,
  );

/** `run`: which template, and its params beside those of the import. */
export function buildFromSource(
  deps: BuildDeps,
  order: IngestPart,
  run: { template: string; key: string | null; priority: number; generationConfigId: string | null; params: object },
  names: Names,
  identifiers: Identifiers,
): EnqueueItem {
  const { source, title, fileName, qualities, codec, transcribe, language } = order;
  const runId = source.kind === 'upload' ? runOfUpload(deps, source.upload.uri, order.where) : v7();
  const videoId = v7();
  const identifier = freeIdentifier(order, videoId, names);
  const upload = source.kind === 'upload' ? { id: v7(), kind: 'raw', ...source.upload } : undefined;
  const template = templateOf(deps, run.template);
  const url = source.kind === 'url' ? source.url : undefined;
  const params = paramsOf(template, order.where, {
    ...{ videoId, url, upload, fileName, title, qualities, codec, transcribe, language },
    ...run.params,
  });
  const tags = order.tags.map(({ slug }) => names.tags.get(slug)).filter((tag) => tag !== undefined);
  const before: RowChange[] = [
    ...tags.map((tag): RowChange => ({ op: 'keep', table: 'tags', values: tag })),
    {
      op: 'insert',
      table: 'videos',
      values: {
        id: videoId,
        identifier,
        title,
        category_id: order.category === undefined ? null : (names.categories.get(order.category) ?? null),
        ...sourceColumns(source),
        status: 'pending',
        review_status: 'draft',
      },
    },
    ...tags.map(
      ({ id }): RowChange => ({ op: 'insert', table: 'video_tags', values: { video_id: videoId, tag_id: id } }),
    ),
  ];
  const after: RowChange[] = upload
    ? [
        {
          op: 'insert',
          table: 'artifacts',
          values: {
            id: upload.id,
            video_id: videoId,
            run_id: runId,
            kind: upload.kind,
            uri: upload.uri,
            sha256: upload.sha256,
            size_bytes: upload.sizeBytes,
            content_type: upload.contentType,
          },
        },
      ]
    : [];
  return {
    run: {
      id: runId,
      identifier: identifiers.next(slug(identifier, 60), runId),
      idempotencyKey: run.key,
      template: template.name,
      videoId,
      channelId: null,
      generationConfigId: run.generationConfigId,
      // The ledger carries the video's status along with a run that says it makes its video.
      params: { ...params, makesVideo: true },
      priority: run.priority,
      phase: template.nodes[0]?.phase ?? '',
    },
    ...instantiate(template, params, { newId: v7, stages: deps.stages }),
    before,
    after,
  };
}

const sourceColumns = (source: IngestSource): Record<string, unknown> =>
  source.kind === 'url' ? { source_url: source.sourceUrl } : { source_sha256: source.upload.sha256 };

/** The identifier that was asked for, or one made of the title; where that is taken, with the end of the video's id. */
function freeIdentifier(order: IngestPart, videoId: string, { taken, claimed }: Names): string {
  const wanted = order.identifier ?? identifierOf(order.title);
  const claimant = claimed.get(wanted) ?? order;
  if (!taken.has(wanted) && claimant === order) {
    claimed.set(wanted, order);
    return wanted;
  }
  if (order.identifier === undefined) return `${wanted}-${videoId.slice(-8)}`;
  throw new UserError(
    `${order.where}there is a video "${wanted}" already: choose another identifier, or leave it out`,
    { exitCode: 2, kind: 'conflict' },
  );
}

/** Whose upload it is, by where it lies; nothing else of our store can be handed in as one. */
function runOfUpload({ storage }: Pick<BuildDeps, 'storage'>, uri: string, where: string): string {
  const refusal = wrong(
    `${where}the upload ${JSON.stringify(uri.slice(0, 200))} is none of this store: upload the file first`,
  );
  let key: string;
  try {
    key = storage.keyOf(uri);
  } catch (error) {
    if (error instanceof PermanentError) throw refusal;
    throw error;
  }
  const runId = /^runs\/([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\/upload\/[^/]+$/.exec(key)?.[1];
  if (runId === undefined) throw refusal;
  return runId;
}
