/** What operators do with a video once it is there, and what videos are filed under. */
export interface VideoEdit {
  title?: string | undefined;
  description?: string | undefined;
  /** Slug, name or id; null takes it out of its category. */
  category?: string | null | undefined;
  /** Names; made where there are none of that slug. */
  addTags?: readonly string[] | undefined;
  /** Names or slugs. */
  removeTags?: readonly string[] | undefined;
}

/** What an order about a whole video led to. */
export interface VideoTold {
  video: string;
  /** The run that moves or removes its files. */
  runId: string;
  /** Tasks of it that were cancelled at once. */
  cancelled: number;
  /** Tasks of it that were told to stop. */
  asked: number;
}

export interface VideoLife {
  /**
   * Change what it is called and filed under. `version` is the one that was read: refused as a conflict when it is not the
   * newest any more. Without it the edit is made to whatever there is. Answers the video's new version.
   */
  edit(ref: string, change: VideoEdit, version?: number): Promise<{ video: string; stateVersion: number }>;
  /** Hide it at once, cancel its work, and move its files to the archive. */
  delete(ref: string): Promise<VideoTold>;
  /** Bring the files of a deleted video back; it is shown again when they are all there. */
  restore(ref: string): Promise<VideoTold>;
  /** Remove a deleted video for good. */
  purge(ref: string): Promise<VideoTold>;
}

export interface CategoryRow {
  id: string;
  name: string;
  slug: string;
  description: string;
  createdAt: string;
  /** Videos in it that are not deleted. */
  videos: number;
}

export interface TagRow {
  id: string;
  name: string;
  slug: string;
  createdAt: string;
  videos: number;
}

export interface Filing {
  categories: {
    /** By name. */
    ls(): Promise<CategoryRow[]>;
    add(category: { name: string; description?: string | undefined }): Promise<CategoryRow>;
    edit(ref: string, change: { name?: string | undefined; description?: string | undefined }): Promise<CategoryRow>;
    /** Its videos are then in no category. Answers it as it was. */
    rm(ref: string): Promise<CategoryRow>;
  };
  tags: {
    /** By name. */
    ls(): Promise<TagRow[]>;
    /** Off all videos, too. Answers it as it was. */
    rm(ref: string): Promise<TagRow>;
  };
}
