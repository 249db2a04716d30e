/* angle.h - sine, cosine and arc tangent in degrees, whose bits depend on
 * nothing but their arguments, so that a coordinate falls into the same cell on
 * every machine. Accuracy: within 2 ulp for sine and cosine (of the larger of
 * the two near a zero that degrees do not hit), 4 ulp for the arc tangent.
 * Multiples of 90 degrees are exact. */
#ifndef RECS_BASE_ANGLE_H
#define RECS_BASE_ANGLE_H

/* degrees finite, between -360 and 360. */
void recs__sincos_degrees(double degrees, double *sine, double *cosine);

/* The angle of (x, y) in degrees, above -180 and at most 180; 0 for (0, 0). y
 * and x finite, neither so large nor so small that squares leave the range. */
double recs__atan2_degrees(double y, double x);

#endif
