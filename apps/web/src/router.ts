/** Addresses of the page: what stands behind `#` as data, and back. Pure. */

export type Route =
  | { page: 'runs'; status: string | null }
  | { page: 'run'; run: string; task: string | null }
  /** A task without its run, as the fleet links to it. */
  | { page: 'task'; task: string }
  | { page: 'videos' }
  | { page: 'video'; video: string }
  | { page: 'workers' }
  | { page: 'unknown'; path: string };

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const [name, id, below, task] = path.split('/').filter(Boolean).map(decoded);
  if (name === undefined) return { page: 'runs', status: new URLSearchParams(query).get('status') };
  if (name === 'runs' && id !== undefined) {
    if (below === undefined) return { page: 'run', run: id, task: null };
    if (below === 'tasks' && task !== undefined) return { page: 'run', run: id, task };
  }
  if (name === 'tasks' && id !== undefined) return { page: 'task', task: id };
  if (name === 'videos') return id === undefined ? { page: 'videos' } : { page: 'video', video: id };
  if (name === 'workers') return { page: 'workers' };
  return { page: 'unknown', path };
}

/** A mistyped `%` is part of the name, not the end of the page. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Links. */
export const to = {
  runs: (status: string | null = null) => (status === null ? '#/' : `#/?status=${encodeURIComponent(status)}`),
  run: (run: string) => `#/runs/${encodeURIComponent(run)}`,
  taskOfRun: (run: string, task: string) => `#/runs/${encodeURIComponent(run)}/tasks/${encodeURIComponent(task)}`,
  task: (task: string) => `#/tasks/${encodeURIComponent(task)}`,
  videos: () => '#/videos',
  video: (video: string) => `#/videos/${encodeURIComponent(video)}`,
  workers: () => '#/workers',
};

/** Two addresses with the same key are one page in another state: it is told, not opened anew. */
export function pageKey(route: Route): string {
  switch (route.page) {
    case 'run':
      return `run ${route.run}`;
    case 'task':
      return `task ${route.task}`;
    case 'video':
      return `video ${route.video}`;
    case 'unknown':
      return `unknown ${route.path}`;
    case 'runs':
    case 'videos':
    case 'workers':
      return route.page;
    default:
      return route satisfies never;
  }
}
