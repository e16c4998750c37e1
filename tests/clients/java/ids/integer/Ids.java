/** Ids of customers and products, of the type that the service has. */
class Ids {
    static final Long NONE = 0L;

    static Long of(long number) {
        return number;
    }
}
