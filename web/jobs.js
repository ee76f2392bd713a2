// The jobs that this browser has sent, so that a reload of the page loses nothing. The server keeps a job and its
// pictures for an hour.

const stored = "glm-image.jobs";
const kMostJobs = 16;

/** Returns [{id, settings, drafts}], oldest first. `drafts`: whether the pictures are drafts. */
export function storedJobs() {
  try {
    const jobs = JSON.parse(localStorage.getItem(stored));
    return Array.isArray(jobs) ? jobs : [];
  } catch {
    return [];
  }
}

function store(jobs) {
  try {
    localStorage.setItem(stored, JSON.stringify(jobs));
  } catch {
    // The browser stores nothing: a reload loses the pictures.
  }
}

export function storeJob(id, { seed, ...settings }, drafts) {
  // New drafts replace the old ones. JSON has no BigInt; each picture has its own seed.
  const others = storedJobs().filter((job) => !(drafts && job.drafts));
  store([...others, { id, settings, drafts }].slice(-kMostJobs));
}

export function forgetJob(id) {
  store(storedJobs().filter((job) => job.id !== id));
}
