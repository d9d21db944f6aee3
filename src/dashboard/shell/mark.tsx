/** The sign of the product. */
export function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" class="mark">
      <rect width="32" height="32" rx="7" />
      <path d="M16 26V6.500M16 26 9.300 8M16 26 22.700 8M16 26 4.500 13.500M16 26 27.500 13.500" />
    </svg>
  );
}
