// Runs before anything is painted, so that the page never flashes in the other colours. The choice is this browser's.
{
  const chosen = localStorage.getItem('theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset['theme'] = chosen;
}
