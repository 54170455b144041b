/** A task's address without its run: finds the run and goes there. */
import { get, type RunRow } from '../api.ts';
import type { Host, Page } from '../page.ts';
import { loading } from '../parts/marks.ts';
import { type Route, to } from '../router.ts';

export function taskPage(route: Route & { page: 'task' }, host: Host): Page {
  const leaving = new AbortController();
  const asked = get<{ run: RunRow }>(`/api/tasks/${encodeURIComponent(route.task)}`, leaving.signal);
  // In place of this address, so that "back" does not lead here again.
  void host.load(asked).then((found) => found && location.replace(to.taskOfRun(found.run.id, route.task)));
  return { title: () => 'Task', view: loading, close: () => leaving.abort() };
}
