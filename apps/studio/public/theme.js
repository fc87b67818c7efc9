// Before the first paint: the theme that was chosen here, or the system's.
try {
  const { theme } = JSON.parse(localStorage.getItem("sluice.settings.v1") ?? "{}");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No storage: the system's theme.
}
