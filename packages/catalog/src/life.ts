/**
 * The life of a video once it is there: edits, and the orders to delete, restore and purge it. The ledger decides whether
 * the video is in a state for it, and what has to stop; here the run is made that does the rest.
 */
import {
  type AnyStage,
  type EnqueueItem,
  instantiate,
  type OperatorLedger,
  type PipelineTemplate,
  type Storage,
  type Ticket,
  UserError,
  type VideoChange,
} from '@reelfleet/core';
import { listCategories, type ReadHandle, type VideoRecord, videoByRef } from '@reelfleet/db';
import { archiveOf, type Life, lifeParams } from '@reelfleet/pipelines';
import { v7 } from 'uuid';
import { filedAs, named, newTags, text } from './filing.ts';
import type { VideoEdit, VideoLife, VideoTold } from './life-types.ts';
import { line, wrong } from './order-words.ts';
import { slug } from './references.ts';

export interface LifeDeps {
  ledger: Pick<OperatorLedger, 'deleteVideo' | 'restoreVideo' | 'purgeVideo' | 'editVideo'>;
  reads: ReadHandle;
  storage: Pick<Storage, 'uriOf'>;
  templates: ReadonlyMap<string, PipelineTemplate>;
  stages: ReadonlyMap<string, AnyStage>;
  actor: string;
  send(tickets: readonly Ticket[]): Promise<void>;
}

const TITLE = 500;
/** An edit without a version is made to what there is; a busy video may change a few times meanwhile. */
const EDIT_TRIES = 5;

export function videoLife(deps: LifeDeps): VideoLife {
  const { ledger, reads, actor } = deps;

  async function live(ref: string): Promise<VideoRecord> {
    const video = await videoByRef(reads, ref.trim());
    if (video) return video;
    if (await videoByRef(reads, ref.trim(), { deleted: true }))
      throw new UserError(`video "${ref}" is deleted: \`reelfleet videos restore ${ref}\` brings it back`, {
        kind: 'conflict',
      });
    throw missing(ref);
  }

  async function deleted(ref: string): Promise<VideoRecord> {
    const video = (await videoByRef(reads, ref.trim(), { deleted: true })) ?? (await videoByRef(reads, ref.trim()));
    if (!video) throw missing(ref);
    return video;
  }

  async function order(life: Life, video: VideoRecord): Promise<VideoTold> {
    const run = lifeRun(deps, life, video);
    const { tickets, ...told } = await ledger[verbs[life]](actor, video.id, run);
    await deps.send(tickets);
    return { video: video.identifier, runId: told.runId, cancelled: told.cancelled, asked: told.asked };
  }

  async function changeOf(edit: VideoEdit): Promise<VideoChange> {
    const change: VideoChange = {};
    if (edit.title !== undefined) change.title = line('', 'title', edit.title, TITLE);
    if (edit.description !== undefined) change.description = text(edit.description);
    if (edit.category === null) change.categoryId = null;
    else if (edit.category !== undefined) {
      const category = filedAs(edit.category, await listCategories(reads));
      if (!category)
        throw new UserError(
          `there is no category "${edit.category}": \`reelfleet categories ls\` lists them, \`reelfleet categories add\` makes one`,
          { kind: 'missing' },
        );
      change.categoryId = category.id;
    }
    if (edit.addTags?.length) change.addTags = newTags(edit.addTags);
    if (edit.removeTags?.length) change.removeTags = edit.removeTags.map((tag) => named('tags', tag, 50).slug);
    if (Object.keys(change).length === 0)
      throw wrong('nothing to change: give a title, a description, a category or tags');
    return change;
  }

  return {
    async edit(ref, edit, version) {
      const change = await changeOf(edit);
      for (let tries = 1; ; tries++) {
        const video = await live(ref);
        try {
          const stateVersion = await ledger.editVideo(actor, video.id, version ?? video.stateVersion, change);
          return { video: video.identifier, stateVersion };
        } catch (error) {
          const overtaken = error instanceof UserError && error.kind === 'conflict' && version === undefined;
          if (!overtaken || tries === EDIT_TRIES) throw error;
        }
      }
    },
    async delete(ref) {
      return order('archive', await live(ref));
    },
    async restore(ref) {
      return order('restore', await deleted(ref));
    },
    async purge(ref) {
      return order('purge', await deleted(ref));
    },
  };
}

const verbs = { archive: 'deleteVideo', restore: 'restoreVideo', purge: 'purgeVideo' } as const;

/** The run of one of these templates; the ledger fills in the folders. A purge hangs on no video: it outlives its row. */
function lifeRun(
  deps: Pick<LifeDeps, 'templates' | 'stages' | 'storage'>,
  life: Life,
  video: Pick<VideoRecord, 'id' | 'identifier' | 'title'>,
): EnqueueItem {
  const id = v7();
  return lifeItem(deps, life, {
    id,
    // Videos are deleted in bulk, and names are cut: the end of the id tells two apart.
    identifier: `pipeline:${life}-${slug(video.identifier, 58)}:${Date.now()}-${id.slice(-8)}`,
    video,
    params: {
      liveUri: `${deps.storage.uriOf('runs')}/`,
      archiveUri: `${deps.storage.uriOf(`${archiveOf(video.id)}/runs`)}/`,
    },
  });
}

function lifeItem(
  deps: Pick<LifeDeps, 'templates' | 'stages'>,
  life: Life,
  wish: {
    id: string;
    identifier: string;
    video: Pick<VideoRecord, 'id' | 'title'>;
    params?: Record<string, unknown>;
  },
): EnqueueItem {
  const template = deps.templates.get(life);
  if (!template) throw new Error(`no template named ${life}`);
  const params = lifeParams.parse({ life, videoId: wish.video.id, title: wish.video.title, ...wish.params });
  return {
    run: {
      id: wish.id,
      identifier: wish.identifier,
      idempotencyKey: null,
      template: life,
      videoId: life === 'purge' ? null : wish.video.id,
      channelId: null,
      generationConfigId: null,
      params,
      priority: 0,
      phase: life,
    },
    ...instantiate(template, params, { newId: v7, stages: deps.stages }),
    before: [],
    after: [],
  };
}

/** As many runs of `purge` for the sweep, which knows the videos that are due only when it writes them: nil stands for each. */
export function purgeRuns(deps: Pick<LifeDeps, 'templates' | 'stages'>, count: number): EnqueueItem[] {
  const nil = { id: '00000000-0000-0000-0000-000000000000', title: '' };
  return Array.from({ length: count }, () => {
    const id = v7();
    return lifeItem(deps, 'purge', { id, identifier: `pipeline:purge:${Date.now()}-${id.slice(-12)}`, video: nil });
  });
}

const missing = (ref: string): UserError =>
  new UserError(
    `there is no video "${ref}": \`reelfleet videos ls\` lists them, with --deleted those that were deleted`,
    {
      kind: 'missing',
    },
  );
