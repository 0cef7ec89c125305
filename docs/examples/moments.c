/* The exact moments of a sensor, summed where it measures: of its readings nothing is kept but these 48 bytes.
 *
 * A reading is a pair of counts, the temperature in hundredths of a degree and the voltage in thousandths of a volt:
 * places 2 and 3. Integers do not round. Counts below 2^20 in magnitude have squares below 2^40, so 64 bits hold the sums of
 * 2^23 readings; for more, send what there is, start again from 0, and POST /datasets adds up.
 *
 * Reads pairs of counts, prints what POST /datasets takes.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

struct moments {
    int64_t n, t, v, tt, tv, vv;
};

static void add(struct moments *sums, int32_t t, int32_t v)
{
    sums->n += 1;
    sums->t += t;
    sums->v += v;
    sums->tt += (int64_t)t * t;
    sums->tv += (int64_t)t * v;
    sums->vv += (int64_t)v * v;
}

static void print(const struct moments *sums)
{
    printf("{\"moments\": {\"numbers\": \"decimal\", \"columns\": [\"temperature\", \"voltage\"], \"places\": [2, 3], "
           "\"sums\": [[%" PRId64 ", %" PRId64 ", %" PRId64 "], [%" PRId64 ", %" PRId64 "], [%" PRId64 "]]}}\n",
           sums->n, sums->t, sums->v, sums->tt, sums->tv, sums->vv);
}

int main(void)
{
    struct moments sums = {0};
    int32_t t, v;

    while (scanf("%" SCNd32 " %" SCNd32, &t, &v) == 2)
        add(&sums, t, v);
    print(&sums);
    return 0;
}
